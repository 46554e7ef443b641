"""How likely each interval of an answer is right, from how sure the model was of what it wrote.

Of each interval five numbers are taken, its features (see `Features`); a logistic function of them that was fitted to
scenes with known events, one per task, gives the confidence. Its weights stand in `calibration.json` of a checkpoint.
A raw probability of tokens is no confidence: the wording of a caption shares it among several that say the same.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from model.errors import CheckpointError
from model.timeline.event import Event
from model.timeline.interval import TENTHS_PER_SECOND, Interval
from model.timeline.task import Task
from model.timeline.vocabulary import Vocabulary

FLOOR = -10.0
"""The least log-probability that counts; also that of tokens which close a cut answer, which nobody chose."""
MARGIN = 0.001
"""Confidence has three decimals, and nothing is certain: it lies in [MARGIN, 1 - MARGIN]."""


@dataclass(frozen=True, slots=True)
class Features:
    """What is known of one interval. Log-probabilities are natural, of what the grammar allowed, at least FLOOR.

    Attributes:
        start, end: sum over the markers of that time, which is the log-probability of the time itself.
        words: mean over the tokens of the words that go with the interval: in grounding those before the first time of
            the answer, which say whether the query is present; elsewhere those up to the next time, the caption.
        least: the least of those.
        length: natural logarithm of the interval's length in seconds. Short intervals are more easily missed.
    """

    start: float
    end: float
    words: float
    least: float
    length: float


FEATURES = tuple(field.name for field in fields(Features))


@dataclass(frozen=True, slots=True)
class Logistic:
    """Confidence of one task: 1 / (1 + exp(-(bias + weights * features))), weights in the order of FEATURES."""

    bias: float
    weights: tuple[float, ...]

    def __call__(self, features: Features) -> float:
        """Between MARGIN and 1 - MARGIN, three decimals."""
        score = self.bias + sum(w * f for w, f in zip(self.weights, astuple(features), strict=True))
        share = 1 / (1 + math.exp(-max(-50.0, min(50.0, score))))
        return min(1 - MARGIN, max(MARGIN, round(share, 3)))


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a checkpoint knows of its own mistakes: a function per task. Tasks without one have no confidence."""

    tasks: dict[Task, Logistic]

    @classmethod
    def read(cls, path: Path) -> "Calibration":
        """From `calibration.json`.

        Raises:
            CheckpointError: it is not one of this version.
        """
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            if tuple(value["features"]) != FEATURES:
                raise ValueError(f"its features are not {', '.join(FEATURES)}")
            return cls({task: _logistic(row) for task, row in value["tasks"].items()})
        except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{path} cannot be used ({error}): remove it, or write it with timeaudio calibrate."
            ) from None

    def write(self, path: Path, about: dict[str, Any]) -> None:
        """As `read` takes it; `about` says what it was fitted on."""
        tasks = {task: {"bias": row.bias, "weights": list(row.weights)} for task, row in self.tasks.items()}
        value = {"features": list(FEATURES), "tasks": tasks, "about": about}
        path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")

    def sure(self, events: Sequence[Event], features: Sequence[Sequence[Features]], task: Task) -> list[Event]:
        """The same events, their intervals with confidence."""
        logistic = self.tasks.get(task)
        if logistic is None:
            return list(events)
        return [
            Event(
                tuple(replace(i, confidence=logistic(f)) for i, f in zip(event.intervals, known, strict=True)),
                event.caption,
            )
            for event, known in zip(events, features, strict=True)
        ]


def _logistic(row: dict[str, Any]) -> Logistic:
    numbers = [float(number) for number in (row["bias"], *row["weights"])]
    if len(numbers) != 1 + len(FEATURES) or not all(map(math.isfinite, numbers)):
        raise ValueError(f"a task has a bias and {len(FEATURES)} weights, all finite")
    return Logistic(numbers[0], tuple(numbers[1:]))


_NOWHERE = (slice(0, 0),) * 3


class _Written(NamedTuple):
    """An interval as it was written: half-open places of its two times and of the words after it."""

    interval: Interval
    start: slice
    end: slice
    words: slice


def features_of(
    events: Sequence[Event], ids: Sequence[int], log_probs: Sequence[float], vocabulary: Vocabulary, task: Task
) -> list[tuple[Features, ...]]:
    """Of each interval of each event, in their order.

    An answer in words (`ask`) may join two times by other tokens than the separator's, which nothing has weighed as one
    interval: all that is known of it is its length.

    Args:
        events: as the parser reads them from `ids`, in order.
        ids: an answer in the grammar of the task, or the beginning of one, up to where the last event is complete.
        log_probs: of these ids, natural; those that are missing at the end count as FLOOR.
        vocabulary: of the tokenizer that the ids are of.
        task: what the answer is an answer to.
    """
    sure = [max(FLOOR, value) for value in log_probs] + [FLOOR] * (len(ids) - len(log_probs))
    runs = _runs(ids, vocabulary.marker_ids)
    before = slice(0, runs[0].start if runs else 0)
    written, next_one = _written(ids, runs, vocabulary), 0
    found = []
    for event in events:
        mine = []
        for interval in event.intervals:
            place = next((n for n in range(next_one, len(written)) if written[n].interval == interval), None)
            mine.append(_Written(interval, *_NOWHERE) if place is None else written[place])
            next_one = next_one if place is None else place + 1
        words = sure[before if task == "ground" else mine[-1].words] or [FLOOR]
        about = sum(words) / len(words), min(words)
        found.append(tuple(Features(_time(sure[w.start]), _time(sure[w.end]), *about, _length(w)) for w in mine))
    return found


def _time(log_probs: Sequence[float]) -> float:
    return max(FLOOR, sum(log_probs)) if log_probs else FLOOR


def _length(written: "_Written") -> float:
    return math.log(written.interval.length / TENTHS_PER_SECOND)


def _runs(ids: Sequence[int], markers: frozenset[int]) -> list[slice]:
    """Where markers stand side by side."""
    runs: list[slice] = []
    for place, token in enumerate(ids):
        if token not in markers:
            continue
        begin = runs.pop().start if runs and runs[-1].stop == place else place
        runs.append(slice(begin, place + 1))
    return runs


def _written(ids: Sequence[int], runs: Sequence[slice], vocabulary: Vocabulary) -> list[_Written]:
    """Two times with a separator between them, and what follows them up to the next time."""
    digits = {token: digit for row in (vocabulary.anchor_ids, vocabulary.offset_ids) for digit, token in enumerate(row)}
    found, number = [], 0
    while number + 1 < len(runs):
        first, second = runs[number], runs[number + 1]
        if tuple(ids[first.stop : second.start]) != vocabulary.separator_ids:
            number += 1
            continue
        start, end = (int("".join(str(digits[token]) for token in ids[run])) for run in (first, second))
        following = runs[number + 2].start if number + 2 < len(runs) else len(ids)
        if start < end:
            found.append(_Written(Interval(start, end), first, second, slice(second.stop, following)))
        number += 2
    return found
