"""Anybody's predictions for a manifest.

One line of JSONL each: `id` of the manifest's line, and either

- `events`: `[{"intervals": [[start, end], ...], "caption"*, "confidence"*}]`, or
- `answer`: the text, with markers or with plain numbers in the output format of the task (paper, Table 6).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.timeline.parser import parse
from training.data.manifest import Row, Told
from training.data.recordings import DataError
from training.sources.ftar import understand


@dataclass(frozen=True, slots=True)
class Prediction:
    """An answer: events with, where the system says it, the confidence of each, and the text."""

    events: tuple[Told, ...] = ()
    confidences: tuple[float | None, ...] = ()
    text: str = ""


def read_predictions(path: Path, rows: Sequence[Row]) -> dict[str, Prediction]:
    """The predictions by id.

    Raises:
        DataError: a line is not a prediction, or is for no line of the manifest.
    """
    known = {row.id: row for row in rows}
    found: dict[str, Prediction] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            row = known[value["id"]]
            found[row.id] = _prediction(value, row)
        except KeyError as error:
            raise DataError(f"{path}, line {number}: {error} is missing, or no id of the manifest.") from None
        except (ValueError, TypeError) as error:
            raise DataError(f"{path}, line {number}: {error}") from None
    return found


def _prediction(value: dict[str, Any], row: Row) -> Prediction:
    if "events" in value:
        events = tuple(
            Told(tuple((float(a), float(b)) for a, b in event["intervals"]), str(event.get("caption", "")))
            for event in value["events"]
        )
        for event in events:
            if not event.intervals or any(not 0 <= start < end for start, end in event.intervals):
                raise ValueError(f"{row.id}: an interval ends after it starts, at 0 or later; got {event.intervals}")
        confidences = tuple(event.get("confidence") for event in value["events"])
        return Prediction(events, confidences, str(value.get("answer", "")))
    return prediction_of_text(str(value["answer"]), row)


def prediction_of_text(text: str, row: Row) -> Prediction:
    """What a text answers: its markers' events or, where it has none, the events that its plain numbers tell."""
    tenths = max(1, int((row.duration or 0.0) * 10 + 1e-6))
    if "<a_" in text:
        events = tuple(
            Told(tuple((i.start_s, i.end_s) for i in event.intervals), event.caption)
            for event in parse(text, row.task, tenths)
        )
    else:
        quoted = "What are the start and end times of audio matching 'it'?"
        question = {"ground": quoted, "summarize": "speech"}.get(row.task, "")
        events = understand(question, text)[1]
    return Prediction(events, (None,) * len(events), text)
