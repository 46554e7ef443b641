"""The page of a server that requires a key: the browser has it as a password, and commands take it from the shell."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from server.auth.keys import digest
from tests.e2e.page.conftest import CLIP
from tests.e2e.page.test_playground import spans, wait_for

KEY = "the-page-key"


@pytest.fixture(scope="module")
def locked(run_server: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    keys = tmp_path_factory.mktemp("keys") / "keys.toml"
    keys.write_text(f'[page]\nsha256 = ["{digest(KEY)}"]\n')
    with run_server(module="tests.scripted_engine", TIMEAUDIO_ACCESS__KEYS_FILE=str(keys)) as server:
        yield server


def test_the_copied_command_sends_the_key(visit: Callable[..., Page], locked: Any, tmp_path: Path) -> None:
    page = visit(locked, http_credentials={"username": "any", "password": KEY})
    page.locator("#file").set_input_files(CLIP)
    wait_for(page, "dense_caption")
    command = page.locator("#code").inner_text()
    (tmp_path / CLIP.name).write_bytes(CLIP.read_bytes())
    variables = {"TIMEAUDIO_API_KEY": KEY, "PATH": "/usr/bin:/bin"}
    run = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=variables, capture_output=True, check=True)
    [event] = json.loads(run.stdout)["events"]
    assert [(i["start"], i["end"]) for i in event["intervals"]] == spans(page, "#rows tr")
    assert KEY not in command
