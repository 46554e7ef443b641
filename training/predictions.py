"""Read any system's predictions for a manifest.

A JSONL file with one line per prediction: the `id` of the manifest's line, and either

- `events`: `[{"intervals": [[start, end], ...], "caption"*, "confidence"*}]`, where a confidence is one number for the
  event or a list with one number per interval, or
- `answer`: the text, with markers or with plain numbers in the output format of the task (paper, Table 6).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.timeline.parser import parse
from training.data.manifest import Annotation, Row
from training.data.recordings import DataError
from training.sources.ftar import parse_answer


@dataclass(frozen=True, slots=True)
class Prediction:
    """An answer.

    Attributes:
        events: the events in the answer.
        confidences: for each event, one per interval, 0 to 1; empty where the system gives none.
        text: the answer's text, unchanged.
        is_cut: whether the answer reached the token limit.
    """

    events: tuple[Annotation, ...] = ()
    confidences: tuple[tuple[float, ...], ...] = ()
    text: str = ""
    is_cut: bool = False


def read_predictions(path: Path, rows: Sequence[Row]) -> dict[str, Prediction]:
    """Return the predictions by id.

    Raises:
        DataError: a line is not a prediction, or its id is not in the manifest.
    """
    known = {row.id: row for row in rows}
    found: dict[str, Prediction] = {}
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8: {error}") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            row = known[value["id"]]
            found[row.id] = _prediction(value, row)
        except KeyError as error:
            raise DataError(f"{path}, line {number}: {error} is missing, or is not an id of the manifest.") from None
        except (ValueError, TypeError) as error:
            raise DataError(f"{path}, line {number}: {error}") from None
    return found


def _prediction(value: dict[str, Any], row: Row) -> Prediction:
    if "events" in value:
        events = tuple(
            Annotation(tuple((float(a), float(b)) for a, b in event["intervals"]), str(event.get("caption", "")))
            for event in value["events"]
        )
        for event in events:
            if not event.intervals or any(not 0 <= start < end for start, end in event.intervals):
                raise ValueError(f"{row.id}: an interval must have 0 <= start < end; got {event.intervals}")
        raw_confidences = [event.get("confidence") for event in value["events"]]
        confidences = tuple(_confidences(raw, len(e.intervals)) for raw, e in zip(raw_confidences, events, strict=True))
        return Prediction(events, confidences, str(value.get("answer", "")))
    return prediction_of_text(str(value["answer"]), row)


def _confidences(raw: Any, count: int) -> tuple[float, ...]:
    """Return one confidence per interval of an event; a single number applies to all. Empty where there is none."""
    if raw is None:
        return ()
    each = [float(one) for one in raw] if isinstance(raw, list) else [float(raw)] * count
    if len(each) != count or any(not 0 <= one <= 1 for one in each):
        raise ValueError(f"confidence must be one number from 0 to 1, or one for each of {count} intervals; got {raw}")
    return tuple(each)


def prediction_of_text(text: str, row: Row) -> Prediction:
    """Parse an answer's text: events from its markers or, without markers, from its plain numbers."""
    tenths = max(1, int((row.duration or 0.0) * 10 + 1e-6))
    if "<a_" in text:
        events = tuple(
            Annotation(tuple((i.start_s, i.end_s) for i in event.intervals), event.caption)
            for event in parse(text, row.task, tenths)
        )
    else:
        quoted = "What are the start and end times of audio matching 'it'?"
        question = {"ground": quoted, "summarize": "speech"}.get(row.task, "")
        events = parse_answer(question, text)[1]
    return Prediction(events, ((),) * len(events), text)
