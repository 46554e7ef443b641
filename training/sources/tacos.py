"""Read TACOS: Freesound recordings with captions of several regions, as dense captions.

File: `annotations_strong.csv` (filename, text, onset, offset) of the data set's Zenodo record.

Source: Primus, Schmid, Widmer 2025.
"""

from collections.abc import Iterator
from pathlib import Path

from training.data.manifest import Annotation, Row, Span
from training.data.recordings import read_table
from training.sources.reading import RecordingIndex, merge_spans, parse_seconds


def dense_captions(annotations: Path, recordings: RecordingIndex) -> Iterator[Row]:
    """Yield a row for each recording; regions with the same caption are one event. Captions are the annotators' own.

    Raises:
        DataError: the file is missing or has another format.
    """
    found: dict[str, dict[str, list[Span]]] = {}
    for row in read_table(annotations, ("filename", "text", "onset", "offset"), ","):
        span = (max(0.0, parse_seconds(row, "onset", annotations)), parse_seconds(row, "offset", annotations))
        text = " ".join(row["text"].split())
        if text:
            found.setdefault(row["filename"], {}).setdefault(text, []).append(span)
    for name, captions in found.items():
        audio = recordings.find(name, Path(name).stem)
        events = tuple(Annotation(whole, text) for text, spans in captions.items() if (whole := merge_spans(spans)))
        if audio is not None and events:
            order = tuple(sorted(events, key=lambda event: event.intervals))
            yield Row(id=f"tacos-{Path(name).stem}", audio=audio, task="dense_caption", events=order, source="tacos")
