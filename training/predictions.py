"""Anybody's predictions for a manifest.

One line of JSONL each: `id` of the manifest's line, and either

- `events`: `[{"intervals": [[start, end], ...], "caption"*, "confidence"*}]`, a confidence being one number for the
  event or a list with one for each of its intervals, or
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
    """An answer.

    Attributes:
        events: what it tells.
        confidences: for each event one of each of its intervals, 0 to 1; none where the system does not say.
        text: the answer as it was written.
        is_cut: whether it had to end where no more tokens were allowed.
    """

    events: tuple[Told, ...] = ()
    confidences: tuple[tuple[float, ...], ...] = ()
    text: str = ""
    is_cut: bool = False


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
        told = [event.get("confidence") for event in value["events"]]
        confidences = tuple(_confidences(said, len(e.intervals)) for said, e in zip(told, events, strict=True))
        return Prediction(events, confidences, str(value.get("answer", "")))
    return prediction_of_text(str(value["answer"]), row)


def _confidences(said: Any, count: int) -> tuple[float, ...]:
    """One for each interval of an event: a number stands for all of them; none where it is not said."""
    if said is None:
        return ()
    each = [float(one) for one in said] if isinstance(said, list) else [float(said)] * count
    if len(each) != count or any(not 0 <= one <= 1 for one in each):
        raise ValueError(f"confidence is one number from 0 to 1, or one for each of {count} intervals; got {said}")
    return tuple(each)


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
    return Prediction(events, ((),) * len(events), text)
