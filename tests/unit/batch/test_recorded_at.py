"""When a recording was made: by its name, or by its last change."""

import os
import time
from pathlib import Path

import pytest

from timeaudio.batch.recorded_at import recorded_at


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("20260601_053000.WAV", "2026-06-01T05:30:00"),  # AudioMoth
        ("SITE7_20260601_053000.wav", "2026-06-01T05:30:00"),  # Song Meter
        ("2026-06-01 05-30-00.m4a", "2026-06-01T05:30:00"),
        ("20260601T053000.flac", "2026-06-01T05:30:00"),
        ("12345678_20261301_053000_20260601_053001.wav", "2026-06-01T05:30:01"),  # the first has no such month
    ],
)
def test_a_date_in_the_name_counts(name: str, expected: str) -> None:
    assert recorded_at(Path("folder_20200101_000000", name)) == expected


@pytest.mark.parametrize("name", ["street.wav", "120260601_0530001.wav", "20261301_053000.wav", "20260601.wav"])
def test_without_a_date_in_the_name_the_last_change_counts(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"")
    os.utime(path, (0, time.mktime((2026, 6, 1, 5, 30, 0, 0, 0, -1))))
    assert recorded_at(path) == "2026-06-01T05:30:00"


def test_a_file_that_is_gone_has_no_date(tmp_path: Path) -> None:
    assert recorded_at(tmp_path / "street.wav") is None


@pytest.mark.parametrize("time_s", [253_402_400_000, -99_999_999_999_999, 1e30])
def test_a_time_that_no_calendar_has_is_no_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, time_s: float) -> None:
    path = tmp_path / "street.wav"
    path.touch()

    class Status:
        st_mtime = time_s  # few file systems take it from os.utime

    monkeypatch.setattr(os, "stat", lambda _: Status())
    found = recorded_at(path)
    monkeypatch.undo()
    assert found is None
