"""The four tools, as the official SDK declares them: their schemas come from the annotations."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, cast

import httpx
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.resolve import ListRoots, Resolve
from mcp_types import ListRootsResult, ToolAnnotations
from pydantic import Field

from timeaudio.agent_tools.backend import AsyncBackend
from timeaudio.agent_tools.folders import folders_of
from timeaudio.agent_tools.recording import NamedRecording
from timeaudio.agent_tools.strict import StrictServer
from timeaudio.errors import ClientError
from timeaudio.request_options import PartOptions
from timeaudio.requests import TaskName
from timeaudio.results import AnyAnswer, DenseCaption, Grounding, QuestionAnswer, Summary

INSTRUCTIONS = """\
Answers what happens in a recording of sound, and when. Name the recording by exactly one of `path` (a file in an
allowed folder), `url` (an allowed address) or `data` (base64). Times are seconds from the start of the file.
`confidence` is the probability that an interval is right, null if unknown.
"""

RecordingPath = Annotated[str | None, Field(description="Path of an audio or video file in an allowed folder.")]
RecordingUrl = Annotated[str | None, Field(description="Address of an audio or video file, below an allowed prefix.")]
RecordingData = Annotated[str | None, Field(description="An audio file in base64, for short recordings.")]
Start = Annotated[float | None, Field(ge=0, description="Start of the part to analyse, in seconds.")]
End = Annotated[float | None, Field(ge=0, description="End of the part to analyse, in seconds.")]
Track = Annotated[
    int | None,
    Field(
        ge=0,
        le=2**32 - 1,  # the largest that a client sends
        description="Audio track of the file, from 0; by default the one that a player plays.",
    ),
]
MinConfidence = Annotated[float | None, Field(ge=0, le=1, description="Omit intervals with a lower confidence.")]


@dataclass(frozen=True, slots=True)
class ReadPermissions:
    """What callers may read.

    Attributes:
        folders: allowed folders; if empty, those that the client names.
        trusts_client: whether to allow the client's folders. A client that started this process can read them anyway.
        prefixes: allowed addresses.
    """

    folders: Sequence[Path] = ()
    trusts_client: bool = True
    prefixes: Sequence[httpx.URL] = ()


def tool_server(backend: AsyncBackend, access: ReadPermissions) -> MCPServer[Any]:
    """Return a server of the four tools."""

    def roots(context: Context[Any, Any], path: str | None = None) -> ListRoots | ListRootsResult:
        """Ask the client for its folders, if they are allowed and the call names a path."""
        able = context.client_capabilities
        asks = path is not None and access.trusts_client and not access.folders
        return ListRoots() if asks and able is not None and able.roots is not None else ListRootsResult(roots=[])

    Roots = Annotated[ListRootsResult, Resolve(roots)]  # noqa: N806  a type

    async def run(
        task: TaskName, recording: NamedRecording, given: ListRootsResult, part: PartOptions, *words: Any
    ) -> AnyAnswer:
        folders = access.folders or folders_of(str(root.uri) for root in given.roots)
        try:
            async with recording.opened(folders, access.prefixes) as audio:
                return await backend.answer(task, audio, words, part)
        except (ClientError, OSError) as error:
            raise ToolError(str(error)) from error

    async def hear(
        given: Roots,
        path: RecordingPath = None,
        url: RecordingUrl = None,
        data: RecordingData = None,
        start: Start = None,
        end: End = None,
        track: Track = None,
        min_confidence: MinConfidence = None,
    ) -> DenseCaption:
        """List every sound event in a recording, with a caption and the intervals in which it happens."""
        part: PartOptions = {"start": start, "end": end, "track": track, "min_confidence": min_confidence}
        return cast(DenseCaption, await run("dense_caption", NamedRecording(path, url, data), given, part))

    async def find(
        queries: Annotated[list[str], Field(min_length=1, description='What to look for, such as "a dog barks".')],
        given: Roots,
        path: RecordingPath = None,
        url: RecordingUrl = None,
        data: RecordingData = None,
        start: Start = None,
        end: End = None,
        track: Track = None,
        min_confidence: MinConfidence = None,
    ) -> Grounding:
        """Find when each of several sounds happens in a recording, or that it does not."""
        part: PartOptions = {"start": start, "end": end, "track": track, "min_confidence": min_confidence}
        return cast(Grounding, await run("ground", NamedRecording(path, url, data), given, part, queries))

    async def summarize(
        given: Roots,
        path: RecordingPath = None,
        url: RecordingUrl = None,
        data: RecordingData = None,
        start: Start = None,
        end: End = None,
        track: Track = None,
        min_confidence: MinConfidence = None,
    ) -> Summary:
        """Summarize the speech in a recording, segment by segment. Needs a model that was trained for it."""
        part: PartOptions = {"start": start, "end": end, "track": track, "min_confidence": min_confidence}
        return cast(Summary, await run("summarize", NamedRecording(path, url, data), given, part))

    async def ask(
        question: Annotated[str, Field(description="A question, such as how often or how long something happens.")],
        given: Roots,
        path: RecordingPath = None,
        url: RecordingUrl = None,
        data: RecordingData = None,
        start: Start = None,
        end: End = None,
        track: Track = None,
        min_confidence: MinConfidence = None,
    ) -> QuestionAnswer:
        """Answer a question about the sounds of a recording, with the intervals that the answer names."""
        part: PartOptions = {"start": start, "end": end, "track": track, "min_confidence": min_confidence}
        return cast(QuestionAnswer, await run("ask", NamedRecording(path, url, data), given, part, question))

    server = StrictServer(
        "timeaudio", title="TimeAudio", instructions=INSTRUCTIONS, version=version("timeaudio"), log_level="WARNING"
    )
    for tool in (hear, find, summarize, ask):
        server.add_tool(tool, annotations=ToolAnnotations(read_only_hint=True, open_world_hint=bool(access.prefixes)))
    return server
