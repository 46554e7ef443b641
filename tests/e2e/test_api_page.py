"""docs/api.md and docs/transcriptions.md: run every command and program, and compare the tables with the code."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.errors import PROBLEMS
from server.rest.examples import ANSWERS
from server.rest.sse import PIECE_NAMES
from tests.e2e.conftest import TESTS, free_port

ROOT = TESTS.parent
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SERVE = [text for kind, text in BLOCKS if kind == "sh" and "timeaudio serve " in text]
TRANSCRIPTIONS = re.findall(
    r"^```(\w+)\n(.*?)^```", (ROOT / "docs" / "transcriptions.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
)
SHELL = [text for kind, text in BLOCKS + TRANSCRIPTIONS if kind == "sh" and text not in SERVE]
PYTHON = [text for kind, text in BLOCKS + TRANSCRIPTIONS if kind == "python"]
HTTP, RPC = "http://127.0.0.1:8000", "127.0.0.1:9000"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with the two recordings that the page uses."""
    path = tmp_path_factory.mktemp("page")
    shutil.copy(ROOT / "server/recordings/dog-barking.flac", path / "street.flac")
    shutil.copy(ROOT / "server/recordings/rooster-crowing.flac", path / "talk.flac")
    return path


def environment() -> dict[str, str]:
    own = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}:{TESTS}",
        "TIMEAUDIO_API_KEY": "ta-a-key",
    }
    return os.environ | own | {"no_proxy": "127.0.0.1"}


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("text", SHELL, ids=range(len(SHELL)))
def test_commands(four_tasks: Any, folder: Path, text: str) -> None:
    # Everything else is installed with the project or is part of any system with make.
    if re.search(r"\bcurl ", text) and shutil.which("curl") is None:
        pytest.skip("curl is not installed: apt-get install curl")
    for command in re.split(r"\n(?! )", text.strip()):
        adapted = command.replace(HTTP, four_tasks.url).replace(RPC, four_tasks.grpc)
        adapted = adapted.replace("model=timeaudio-small", "model=scripted")
        assert run(["bash", "-euo", "pipefail", "-c", adapted], folder).strip(), command


@pytest.mark.parametrize("text", PYTHON, ids=range(len(PYTHON)))
def test_programs(four_tasks: Any, folder: Path, text: str) -> None:
    adapted = text.replace(HTTP, four_tasks.url).replace(RPC, four_tasks.grpc)
    assert run([sys.executable, "-W", "error", "-c", adapted], folder).strip()


def test_the_command_that_serves(folder: Path) -> None:
    [text] = SERVE
    http, rpc = free_port(), free_port()
    words = text.replace("8000", str(http)).replace("9000", str(rpc)).split()
    env = environment() | {"TIMEAUDIO_WORKER__PIPELINE": "scripted_pipeline"}
    process = subprocess.Popen(words, cwd=folder, env=env, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{http}", trust_env=False) as client:
            for _ in range(600):
                try:
                    if client.get("/readyz").is_success:
                        break
                except httpx.TransportError:
                    pass
                time.sleep(0.1)
        command = ["timeaudio", "caption", "street.flac", "--json", "--server", f"grpc://127.0.0.1:{rpc}"]
        assert json.loads(run(command, folder))["model"] == "scripted"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()


def test_the_answer_on_the_page_is_the_openapi_example() -> None:
    [text] = [text for kind, text in BLOCKS if kind == "json"]
    assert json.loads(text) == ANSWERS["dense_caption"].model_dump(mode="json")


def test_the_table_of_messages_is_complete() -> None:
    names = re.findall(r"^\| `(\w+)` \| [^|]* \| [^|]* \|$", PAGE, re.MULTILINE)
    assert names == ["start", "progress", *PIECE_NAMES.values(), "done", "error"]


def test_the_table_of_errors_equals_the_code() -> None:
    documented = re.findall(r"^\| `([a-z-]+)` \| (\d+) \| `([A-Z_]+)` \| (.+) \|$", PAGE, re.MULTILINE)
    assert documented == [(row.slug, str(row.http), row.grpc.name, row.title) for row in PROBLEMS.values()]
