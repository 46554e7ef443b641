"""The official SDK's server, with errors that an assistant can act on.

Arguments that a tool does not have are errors; the SDK ignores them. For invalid arguments, the SDK passes on
pydantic's text; here, the error names each of them.
"""

from difflib import get_close_matches
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, InputRequiredResult, Tool
from pydantic import ValidationError

from timeaudio.local_app import described


class StrictServer(MCPServer[Any]):
    """A server whose tools accept only the arguments of their schemas, which forbid others."""

    async def list_tools(self) -> list[Tool]:
        """List the tools, with schemas that forbid further arguments and give each argument one type."""
        tools = await super().list_tools()
        for tool in tools:
            fields = {name: _of_one_type(field) for name, field in tool.input_schema["properties"].items()}
            tool.input_schema = {**tool.input_schema, "properties": fields, "additionalProperties": False}
        return tools

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool.

        Raises:
            ToolError: as the SDK, or an argument is not one of the tool's. Each invalid argument is named.
        """
        known = [argument for tool in await self.list_tools() if tool.name == name for argument in _names(tool)]
        if known and (unknown := [argument for argument in arguments if argument not in known]):
            refusals = " ".join(_refusal(argument, known) for argument in unknown)
            raise ToolError(f"{refusals} Use {', '.join(known)}.")
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                raise ToolError(f"Invalid arguments: {described(error.__cause__)}.") from None
            raise


def _of_one_type(field: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an argument that may be left out, without null: hosts then show a field of its type."""
    kind: dict[str, Any] = next((kind for kind in field.get("anyOf", ()) if kind["type"] != "null"), {})
    return kind | {name: value for name, value in field.items() if name not in ("anyOf", "default")}


def _names(tool: Tool) -> list[str]:
    return list(tool.input_schema["properties"])


def _refusal(argument: str, known: list[str]) -> str:
    near = get_close_matches(argument, known, n=1)
    meant = f" (did you mean {near[0]}?)" if near else ""
    return f"Unknown argument {argument[:100]!r}{meant}."
