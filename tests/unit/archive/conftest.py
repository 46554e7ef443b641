"""Archives of a few recordings, written like `timeaudio batch` does."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from timeaudio.batch.journal import Journal
from timeaudio.batch.parquet import write_parquet

Spans = Sequence[tuple[float, float, str, float | None]]


def row(path: str, when: str | None, duration: float, *spans: tuple[float, float, str, float | None]) -> dict[str, Any]:
    events = [
        {"intervals": [{"start": start, "end": end, "confidence": confidence}], "caption": caption}
        for start, end, caption, confidence in spans
    ]
    answer = {
        "id": path,
        "model": "timeaudio-small",
        "audio": {"duration": duration, "start": 0.0},
        "usage": {"audio_seconds": duration, "audio_tokens": 1, "prompt_tokens": 1, "completion_tokens": 1},
        "timing": {"decode_s": 0.0, "queue_s": 0.0, "encode_s": 0.0, "generate_s": 0.0, "total_s": 0.0},
        "events": events,
    }
    return {"path": path, "status": "ok", "recorded_at": when, "answer": answer}


@pytest.fixture
def write_archive(tmp_path: Path) -> Callable[..., Path]:
    """`write_archive(rows, "name", embeddings=False)`: a Parquet file."""

    def write(rows: Sequence[dict[str, Any]], name: str = "events", *, embeddings: bool = False) -> Path:
        journal = tmp_path / f"{name}.parquet.jsonl"
        with Journal(journal) as opened:
            for one in rows:
                opened.write(one)
        target = tmp_path / f"{name}.parquet"
        write_parquet(journal, target, embeddings=embeddings)
        return target

    return write


@pytest.fixture
def farm(write_archive: Callable[..., Path]) -> Path:
    """Four recordings and a failed one."""
    return write_archive(
        [
            row(
                "yard/morning.wav",
                "2026-06-01T05:30:00",
                12.0,
                (0.5, 2.5, "A dog is barking.", 0.9),
                (3.0, 9.0, "Rain falls on a roof.", 0.6),
                (9.5, 11.0, "A puppy yelps.", 0.3),
            ),
            row("yard/noon.wav", "2026-06-01T12:00:00", 20.0, (1.0, 4.0, "A whale sings; a child cries.", 0.8)),
            row("yard/night.wav", None, 8.0, (0.0, 8.0, "Dogs bark in the rain.", None)),
            row("silence.wav", "2026-06-02T00:00:00", 5.0),
            {"path": "broken.wav", "status": "failed", "error": "unsupported-audio", "detail": "no sound"},
        ]
    )
