"""`timeaudio find --verify` with a real server: events that the model does not confirm are left out."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.archive.conftest import row, write_archive  # noqa: F401  a fixture
from timeaudio.cli import main

RunScripted = Callable[..., contextlib.AbstractContextManager[Any]]


def test_only_events_that_the_model_confirms_are_printed(
    run_scripted: RunScripted,
    write_archive: Callable[..., Path],  # noqa: F811
    tone_wav: Callable[..., bytes],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    # The scripted model finds every query but "nothing" in the first half of what it gets, from 0.1 s on.
    (tmp_path / "four.wav").write_bytes(tone_wav(4.0))
    (tmp_path / "minute.wav").write_bytes(tone_wav(60.0))
    archive = write_archive(
        [
            row("four.wav", None, 4.0, (0.0, 1.0, "A dog barks.", 0.9), (3.0, 4.0, "A dog barks.", 0.8)),
            row("minute.wav", None, 60.0, (40.0, 41.0, "A dog barks.", 0.7), (49.0, 50.0, "A dog barks.", 0.6)),
            row("gone.wav", None, 4.0, (0.0, 1.0, "A dog barks.", 0.5)),
        ]
    )
    with run_scripted() as server:
        assert main(["find", "dog", str(archive), "--verify", "--server", server.url]) == 0
        out, err = capfd.readouterr()
        assert [line.rpartition(" (")[2] for line in out.splitlines()] == ["0.90)", "0.70)"]  # 35 s to 45 s is heard
        assert "gone.wav: no such file. Check the path." in err
        assert "The model confirms 2 of 5 events." in err

        assert main(["find", "nothing", str(archive), "--verify", "--server", server.url]) == 1
        assert "Nothing found" in capfd.readouterr().err


@pytest.fixture
def dog_archive(
    write_archive: Callable[..., Path],  # noqa: F811
    tone_wav: Callable[..., bytes],
    tmp_path: Path,
) -> Path:
    """An archive of one event, whose caption says "dog" and "nothing"."""
    (tmp_path / "four.wav").write_bytes(tone_wav(4.0))
    return write_archive([row("four.wav", None, 4.0, (0.0, 1.0, "A dog does nothing.", 0.9))])


def test_a_query_that_the_model_confirms_nowhere_ends_like_one_without_hits(
    run_scripted: RunScripted, dog_archive: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with run_scripted() as server:
        assert main(["find", "nothing", str(dog_archive), "--verify", "--server", server.url]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert "The model confirms 0 of 1 events." in err


def test_what_the_model_cannot_check_is_an_error_and_not_nothing_found(
    dog_archive: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for form in ("text", "csv", "srt"):
        words = ["find", "dog", str(dog_archive), "--format", form, "--verify", "--server", "http://127.0.0.1:9"]
        assert main(words) == 2
        out, err = capfd.readouterr()
        assert out == ""
        assert "four.wav: No server answers at http://127.0.0.1:9." in err
        assert "The model confirms 0 of 1 events." in err
