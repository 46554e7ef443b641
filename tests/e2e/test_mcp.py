"""`timeaudio mcp` with the official SDK's own client, over standard input and over streamable HTTP."""

import base64
import contextlib
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters
from mcp_types import ListRootsResult, Root

from tests.e2e.conftest import TESTS, free_port

ROOT = TESTS.parent
DOG = ROOT / "server/recordings/dog-barking.flac"
TOOLS = {"hear", "find", "summarize", "ask"}

Talk = Callable[[Client], Awaitable[None]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a recording, links inside and outside of it, and a recording beside it."""
    inside = tmp_path / "in side"
    (inside / "deep").mkdir(parents=True)
    shutil.copy(DOG, inside / "street.flac")
    shutil.copy(DOG, tmp_path / "secret.flac")
    (inside / "link.flac").symlink_to(inside / "street.flac")
    (inside / "out.flac").symlink_to(tmp_path / "secret.flac")
    (inside / "up").symlink_to(tmp_path)
    return inside


def command(*arguments: object) -> StdioServerParameters:
    words = ["-m", "timeaudio", "mcp", *map(str, arguments)]
    return StdioServerParameters(command=sys.executable, args=words, env={"PYTHONPATH": str(ROOT)}, cwd=ROOT)


def over_stdio(talk: Talk, *arguments: object, roots: list[str] | None = None, mode: str = "auto") -> None:
    async def answer(_: Any) -> ListRootsResult:
        return ListRootsResult(roots=[Root(uri=uri) for uri in roots or []])

    async def run() -> None:
        known = {"list_roots_callback": answer} if roots is not None else {}
        async with Client(command(*arguments), mode=mode, **known) as client:  # type: ignore[arg-type]
            await talk(client)

    anyio.run(run)


@contextlib.contextmanager
def served(*arguments: object) -> Iterator[str]:
    """Run `timeaudio mcp --port`, and give its address."""
    port = free_port()
    words = [sys.executable, "-m", "timeaudio", "mcp", "--port", str(port), *map(str, arguments)]
    process = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        while True:
            assert process.poll() is None
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        process.wait(30)


async def refusal(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error, result
    return str(result.content[0].text)


async def answer(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert json.loads(result.content[0].text) == result.structured_content
    return dict(result.structured_content)


async def all_tools_answer(client: Client) -> None:
    listed = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert listed.keys() == TOOLS
    assert "given" not in json.dumps([tool.input_schema for tool in listed.values()])  # not an argument
    assert "events" in listed["hear"].output_schema["properties"]
    assert all(tool.annotations.read_only_hint for tool in listed.values())
    hear = listed["hear"].input_schema["properties"]
    assert [hear[name]["type"] for name in ("path", "start", "track")] == ["string", "number", "integer"]
    assert (hear["min_confidence"]["maximum"], listed["hear"].input_schema.get("required")) == (1, None)

    described = await answer(client, "hear", path="street.flac")
    assert [event["caption"] for event in described["events"]] == ['A dog says "wow" --> twice.']
    found = await answer(client, "find", path="street.flac", queries=["a dog", "nothing"], start=1.0, end=3.0)
    assert [result["present"] for result in found["results"]] == [True, False]
    assert found["results"][0]["intervals"][0]["start"] == 1.1
    summary = await answer(client, "summarize", path="street.flac")
    assert [segment["summary"] for segment in summary["segments"]] == ["Hello.", "Goodbye."]
    answered = await answer(client, "ask", path="street.flac", question="how often?")
    assert answered["answer"] == "HOW OFTEN?"
    sent = await answer(client, "hear", data=base64.b64encode(DOG.read_bytes()).decode())
    assert sent["events"] == described["events"]


def test_four_tools_over_stdio(four_tasks: Any, folder: Path) -> None:
    over_stdio(all_tools_answer, "--server", four_tasks.url, "--root", folder)


def test_ctrl_c_ends_the_command_although_standard_input_is_open() -> None:
    words = [sys.executable, "-m", "timeaudio", "mcp", "--server", "http://127.0.0.1:9"]
    about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": about}
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            print(json.dumps(hello), file=process.stdin, flush=True)
            assert "serverInfo" in process.stdout.readline()
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == -signal.SIGINT
        finally:
            process.kill()


def test_four_tools_over_http(four_tasks: Any, folder: Path) -> None:
    async def run() -> None:
        async with Client(address) as client:
            await all_tools_answer(client)

    with served("--server", four_tasks.url, "--root", folder) as address:
        anyio.run(run)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_paths_stay_inside_the_roots_of_the_client(four_tasks: Any, folder: Path, mode: str) -> None:
    async def talk(client: Client) -> None:
        for path in ("street.flac", folder / "street.flac", "deep/../street.flac", "link.flac"):
            assert (await answer(client, "hear", path=str(path)))["events"]
        outside = [
            "../secret.flac", "out.flac", "up/secret.flac", "deep/../../secret.flac", "/etc/passwd", "~/x", "\0",
            str(folder.parent / "secret.flac"), str(folder.parent / "does-not-exist.flac"), "x" * 5000,
        ]  # fmt: skip
        for path in outside:
            message = await refusal(client, "hear", path=path)
            assert "not inside an allowed folder" in message or "not a file" in message, path
        assert "not inside an allowed folder" in await refusal(client, "hear", path="up/secret.flac")
        assert "not a file" in await refusal(client, "hear", path="missing.flac")
        assert "not a file" in await refusal(client, "hear", path="deep")

    over_stdio(talk, "--server", four_tasks.url, roots=[folder.as_uri()], mode=mode)


def test_without_roots_no_path_is_read(four_tasks: Any, folder: Path) -> None:
    async def talk(client: Client) -> None:
        assert "--root DIR" in await refusal(client, "hear", path=str(folder / "street.flac"))

    over_stdio(talk, "--server", four_tasks.url)
    over_stdio(talk, "--server", four_tasks.url, roots=[])


def test_the_command_line_outweighs_the_client(four_tasks: Any, folder: Path) -> None:
    async def talk(client: Client) -> None:
        assert "not inside" in await refusal(client, "hear", path=str(folder.parent / "secret.flac"))
        assert (await answer(client, "hear", path="street.flac"))["events"]

    over_stdio(talk, "--server", four_tasks.url, "--root", folder, roots=["file:///"])


def test_over_http_the_roots_of_a_client_open_nothing(four_tasks: Any, folder: Path) -> None:
    async def everything(_: Any) -> ListRootsResult:
        return ListRootsResult(roots=[Root(uri="file:///")])

    async def run() -> None:
        async with Client(address, list_roots_callback=everything) as client:
            assert "--root DIR" in await refusal(client, "hear", path=str(folder / "street.flac"))

    with served("--server", four_tasks.url) as address:
        anyio.run(run)


class Site(BaseHTTPRequestHandler):
    """Serves the recording below /sounds/, elsewhere too, and redirects to any place."""

    def do_GET(self) -> None:
        if self.path.startswith("/sounds/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/sounds/to"))
            self.end_headers()
        elif self.path.endswith(".flac"):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(DOG.read_bytes())
        else:
            self.send_error(404)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_only_allowed_addresses_are_fetched(four_tasks: Any, site: str) -> None:
    async def talk(client: Client) -> None:
        names = ["street.flac", "to/sounds/street.flac", f"{'x' * 300}.flac", "%00.flac"]
        for url in (f"{site}/sounds/{name}" for name in names):
            assert (await answer(client, "hear", url=url))["events"]
        for url in (f"{site}/private/x.flac", f"{site}/sounds/to/private/x.flac", f"{site}/sounds/../private/x.flac"):
            assert "is not allowed" in await refusal(client, "hear", url=url)
        assert "404" in await refusal(client, "hear", url=f"{site}/sounds/missing")
        assert "http://xn--/x.flac is not allowed" in await refusal(client, "hear", url="http://xn--/x.flac")

    over_stdio(talk, "--server", four_tasks.url, "--allow-url", f"{site}/sounds/")


def test_no_address_is_fetched_by_default(four_tasks: Any, site: str) -> None:
    async def talk(client: Client) -> None:
        assert "--allow-url" in await refusal(client, "hear", url=f"{site}/sounds/street.flac")
        assert "name a file by its path" in await refusal(client, "hear", url=DOG.as_uri())

    over_stdio(talk, "--server", four_tasks.url)


def test_errors_say_what_to_do(scripted: Any, folder: Path) -> None:
    async def talk(client: Client) -> None:
        data = base64.b64encode(DOG.read_bytes()).decode()
        assert "with path, with url, or with data" in await refusal(client, "hear")
        assert "with path, with url, or with data" in await refusal(client, "hear", path="street.flac", data=data)
        assert "base64" in await refusal(client, "hear", data="?")
        assert "trained for" in await refusal(client, "summarize", data=data)
        assert "at least 0.1 s after start" in await refusal(client, "hear", data=data, start=2.0, end=1.0)
        assert "queries" in await refusal(client, "find", data=data, queries=[])
        (folder / "text.flac").write_text("no sound at all, but long enough")
        assert "supported kind" in await refusal(client, "hear", path="text.flac")

    over_stdio(talk, "--server", scripted.url, "--root", folder)


def test_an_argument_that_a_tool_does_not_have_is_refused(scripted: Any, folder: Path) -> None:
    async def talk(client: Client) -> None:
        message = await refusal(client, "hear", path="street.flac", min_confidance=0.5)
        assert "Unknown argument 'min_confidance' (did you mean min_confidence?)" in message
        assert "Use path, url, data, start, end, track, min_confidence." in message
        message = await refusal(client, "hear", path="street.flac", queries=["a dog"], given={"roots": []})
        assert "Unknown argument 'queries'" in message
        assert "Unknown argument 'given'" in message
        assert (await answer(client, "hear", path="street.flac", min_confidence=0.0))["events"]
        for tool in (await client.list_tools()).tools:
            assert tool.input_schema["additionalProperties"] is False

    over_stdio(talk, "--server", scripted.url, "--root", folder)


def test_an_invalid_argument_is_named_in_one_sentence(scripted: Any, folder: Path) -> None:
    async def talk(client: Client) -> None:
        for tool, wrong, message in (
            ("find", {}, "queries: Field required"),
            ("find", {"queries": "a dog"}, "queries: Input should be a valid list"),
            ("ask", {}, "question: Field required"),
            ("hear", {"min_confidence": 2}, "min_confidence: Input should be less than or equal to 1"),
            ("hear", {"start": "soon"}, "start: Input should be a valid number"),
        ):
            found = await refusal(client, tool, path="street.flac", **wrong)
            assert found.startswith(f"Invalid arguments: {message}"), found
            assert "pydantic" not in found
            assert "\n" not in found
        assert f"starts in an allowed folder: {folder}" in await refusal(client, "hear", path="in side/street.flac")

    over_stdio(talk, "--server", scripted.url, "--root", folder)


def test_a_server_that_is_not_there(folder: Path) -> None:
    async def talk(client: Client) -> None:
        assert "127.0.0.1:9" in await refusal(client, "hear", path="street.flac")

    over_stdio(talk, "--server", "http://127.0.0.1:9", "--root", folder)


def test_without_a_server_the_embedded_model_answers(folder: Path) -> None:
    async def talk(client: Client) -> None:
        assert (await answer(client, "hear", path="street.flac"))["model"] == "timeaudio-small"

    over_stdio(talk, "--root", folder)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--allow-url", "media.example.org"], "https://HOST/"),
        (["--root", "/does/not/exist"], "is not a folder"),
        (["--server", "nonsense"], "http://HOST:PORT"),
        (["--server", "http://127.0.0.1:9", "--model", "."], "either --server or --model"),
    ],
)
def test_wrong_options_end_the_command(arguments: list[str], words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "timeaudio", "mcp", *arguments],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_one_line(four_tasks: Any) -> None:
    port = four_tasks.url.rpartition(":")[2]
    words = [sys.executable, "-m", "timeaudio", "mcp", "--port", port, "--server", four_tasks.url]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "Address already in use" in done.stderr


@pytest.mark.timeout(300)  # two of them load the model
def test_the_commands_on_the_page(four_tasks: Any) -> None:
    async def talk(client: Client) -> None:
        assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
        if "--root" in words:
            assert (await answer(client, "hear", path="dog-barking.flac"))["events"]

    async def over_http() -> None:
        async with Client(address) as client:
            await talk(client)

    page = (ROOT / "docs" / "mcp.md").read_text(encoding="utf-8")
    commands = "".join(re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)).splitlines()
    assert len(commands) == 4
    for line in commands:
        program, tool, *words = line.replace("http://127.0.0.1:8000", four_tasks.url).split()
        assert (program, tool) == ("timeaudio", "mcp")
        if "--port" not in words:
            over_stdio(talk, *words)
            continue
        place = words.index("--port")
        with served(*words[:place], *words[place + 2 :]) as address:
            anyio.run(over_http)


def test_the_configurations_on_the_page_start_the_command(four_tasks: Any, folder: Path) -> None:
    page = (ROOT / "docs" / "mcp.md").read_text(encoding="utf-8")
    configurations = [json.loads(text) for text in re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)]
    assert [next(iter(found)) for found in configurations] == ["mcpServers", "servers"]
    for configuration in configurations:
        [started] = next(iter(configuration.values())).values()
        assert started["args"][0] == "mcp"
        placed = {"/path/to/recordings": str(folder), "${workspaceFolder}": str(folder)}
        words = [placed.get(word, word) for word in started["args"][1:]]

        async def talk(client: Client) -> None:
            assert (await answer(client, "hear", path="street.flac"))["events"]

        over_stdio(talk, *words, "--server", four_tasks.url)
