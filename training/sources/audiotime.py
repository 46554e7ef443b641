"""Read AudioTime: simulated scenes of 10 s with exact times, as dense captions.

File: `train5000_timestamp/timestamp_captions.json`: `{"syn_1": {"event": {CLASS: [[onset, offset], ...]}, "caption":
...}}`, recordings in `audio/` beside it. The times come from `event`; the captions are not used, because they hold
times as text.

Source: Xie et al. 2025.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training.data.manifest import Annotation, Row
from training.data.recordings import DataError
from training.data.writer import Writer
from training.sources.reading import RecordingIndex, merge_spans, read_json

SCENE_S = 10.0


def dense_captions(captions: Path, recordings: RecordingIndex, writer: Writer) -> Iterator[Row]:
    """Yield a row for each scene, with the writer's descriptions of its classes.

    Raises:
        DataError: the file is missing or has another format; of the four sets, only `timestamp` and `ordering` have
            both ends of each event.
    """
    scenes: Any = read_json(captions)
    for name, scene in scenes.items():
        audio = recordings.find(name)
        if audio is None:
            continue
        classes = scene.get("event") if isinstance(scene, dict) else None
        if not isinstance(classes, dict) or not all(_has_spans(spans) for spans in classes.values()):
            raise DataError(
                f"{captions}: {name} has no [onset, offset] pairs under 'event'. Use timestamp_captions.json or"
                " ordering_captions.json; the other two sets do not have the ends of sounds."
            )
        whole = {label: merge_spans([(a, b) for a, b in spans], SCENE_S) for label, spans in classes.items()}
        ordered = sorted(((spans, label) for label, spans in whole.items() if spans))
        sentences = writer.describe([label for _, label in ordered], f"audiotime-{name}")
        events = tuple(Annotation(spans, text, label) for (spans, label), text in zip(ordered, sentences, strict=True))
        if events:
            yield Row(
                id=f"audiotime-{captions.stem}-{name}", audio=audio, task="dense_caption", events=events,
                source="audiotime",
            )  # fmt: skip


def _has_spans(spans: Any) -> bool:
    return isinstance(spans, list) and all(isinstance(s, list) and len(s) == 2 for s in spans)
