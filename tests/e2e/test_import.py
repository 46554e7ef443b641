"""The whole import: `timeaudio import` of four downloads, `timeaudio serve --model DIR`, and a request."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.released_files import HEADS, write_downloads
from timeaudio.client import Client
from timeaudio.server_process import ServerProcess

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)  # loads the libraries three times, on a machine that may be busy
def test_an_imported_checkpoint_is_served(tmp_path, tone_wav):
    downloads = write_downloads(tmp_path / "downloads", shards="bin")
    out = tmp_path / "timeaudio-small"
    command = [sys.executable, "-m", "timeaudio", "import", "--qformer-heads", str(HEADS), "--out", str(out)]
    for option in ("whisper", "beats", "llm", "checkpoint"):
        command += [f"--{option}", str(getattr(downloads, option))]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr
    assert "Llama 2 Community License" in ended.stderr
    assert f"timeaudio serve --model {out}" in ended.stderr
    with ServerProcess(out) as server:
        server.wait_ready(lambda _: None)
        with Client(server.url, timeout=120) as client:
            answer = client.dense_caption(tone_wav(3.0), max_new_tokens=20)
            found = client.ground(tone_wav(3.0), ["a dog barks"], max_new_tokens=20)
    assert answer.model == "timeaudio-small"
    assert answer.usage.audio_tokens == 88, "30 s of windows, with padding, unmerged, as in the released code"
    assert answer.usage.completion_tokens > 0
    for interval in (i for event in answer.events for i in event.intervals):
        assert 0 <= interval.start < interval.end <= 3.0
    assert [result.query for result in found.results] == ["a dog barks"]
