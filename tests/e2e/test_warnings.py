"""What decoding left out or filled in is part of every answer, whatever the transport."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e.test_streaming import messages
from tests.e2e.test_transports import over_client, over_grpc, over_rest
from timeaudio.cli import main
from timeaudio.results import AnyAnswer

SCALED = "The samples were scaled to full scale: they hold integers in a wider format."


@pytest.fixture(scope="module")
def sound() -> bytes:
    """A wav of float samples in the range of 16-bit ones, as some programs write them."""
    tone = (8000 * np.sin(np.arange(48_000) * 0.2)).astype("<f4").tobytes()
    form = struct.pack("<HHIIHH", 3, 1, 16_000, 64_000, 4, 32)
    body = b"WAVE" + struct.pack("<4sI", b"fmt ", len(form)) + form + struct.pack("<4sI", b"data", len(tone)) + tone
    return struct.pack("<4sI", b"RIFF", len(body)) + body


@pytest.mark.parametrize("way", [over_rest, over_grpc, over_client("http"), over_client("grpc")])
def test_an_answer_carries_the_warnings(four_tasks: Any, sound: bytes, way: Callable[..., AnyAnswer]) -> None:
    assert way(four_tasks, "dense_caption", sound, {}).audio.warnings == (SCALED,)


def test_an_intact_recording_has_none(four_tasks: Any, tone_wav: Callable[..., bytes]) -> None:
    assert over_rest(four_tasks, "dense_caption", tone_wav(2.0), {}).audio.warnings == ()


def test_a_stream_begins_with_the_warnings(four_tasks: Any, sound: bytes) -> None:
    with (
        four_tasks.client() as client,
        client.stream("POST", "/v1/dense-caption", data={"stream": "true"}, files={"file": sound}) as response,
    ):
        name, first = next(iter(messages(response.iter_lines())))
    assert (name, first["audio"]["warnings"]) == ("start", [SCALED])


def test_the_shell_prints_the_warnings(
    four_tasks: Any, sound: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "loud.wav"
    path.write_bytes(sound)
    assert main(["caption", str(path), "--server", four_tasks.url]) == 0
    assert SCALED in " ".join(capsys.readouterr().out.split())
    assert main(["caption", str(path), "--json", "--server", four_tasks.url]) == 0
    assert json.loads(capsys.readouterr().out)["audio"]["warnings"] == [SCALED]
