"""Read AudioGrounding: phrases of AudioCaps' captions with times, as groundings.

Files: `train.json`, `val.json`, `test.json` of version 2: a list of items with `audiocap_id`, `audio_id` (the file's
name), `tokens`, and `phrases`: each `phrase` (tokens), `start_index`, `end_index` and `segments` ([onset, offset]).

Source: Xu et al. 2024; the paper tests on all queries of `test.json`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training.data.manifest import Annotation, Row
from training.data.recordings import DataError
from training.sources.reading import RecordingIndex, merge_spans, read_json

SPACED = ((" ,", ","), (" .", "."), (" 's", "'s"), (" n't", "n't"))
"""Where the tokenizer split words."""


def groundings(items: Path, recordings: RecordingIndex) -> Iterator[Row]:
    """Yield a row for each phrase. The annotators did not hear phrases without segments: those queries are absent.

    Raises:
        DataError: the file is missing or has another format.
    """
    value: Any = read_json(items)
    if not isinstance(value, list):
        raise DataError(f"{items} is not a list of recordings: use version 2 of the labels (Zenodo 7269161).")
    for item in value:
        if not isinstance(item, dict) or "phrases" not in item:
            raise DataError(f"{items} has version 1 of the labels: use version 2 (Zenodo 7269161).")
        audio = recordings.find(item["audio_id"], Path(item["audio_id"]).stem)
        if audio is None:
            continue
        for place, phrase in enumerate(item["phrases"]):
            spans = merge_spans([(max(0.0, float(a)), float(b)) for a, b in phrase["segments"]])
            yield Row(
                id=f"audiogrounding-{item['audiocap_id']}-{place}", audio=audio, task="ground",
                query=phrase_text(phrase["phrase"]), events=(Annotation(spans),) if spans else (),
                source="audiogrounding",
            )  # fmt: skip


def phrase_text(phrase: str | list[str]) -> str:
    """Join tokens as they are written in a sentence."""
    text = phrase if isinstance(phrase, str) else " ".join(phrase)
    for split, whole in SPACED:
        text = text.replace(split, whole)
    return text.strip(" .")
