from collections.abc import Callable
from pathlib import Path

import pytest

from training.sources.reading import RecordingIndex


@pytest.fixture
def audio(tmp_path: Path, tone_wav: Callable[..., bytes]) -> Callable[..., RecordingIndex]:
    """`audio("a.wav", "b.wav", seconds=10)`: recordings of those names."""

    def make(*names: str, seconds: float = 10.0) -> RecordingIndex:
        folder = tmp_path / "audio"
        folder.mkdir(exist_ok=True)
        for name in names:
            (folder / name).write_bytes(tone_wav(seconds, rate=16_000))
        return RecordingIndex(folder)

    return make
