"""The confidence that an interval of an answer is right, from log-probabilities of tokens and from the audio tokens.

Each interval has six features (see `Features`). A logistic function per task, fitted to scenes with known events,
turns them into a confidence. Its weights are in the checkpoint's `calibration.json`.
A raw token probability is not a confidence, because captions that say the same in different words share it.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import Field, FiniteFloat

from model.errors import CheckpointError
from model.known_captions import KnownCaptions
from model.presence import Continuation, Occurrence, Presence
from model.strict_json import JsonFaults, Strict, parse_strictly
from model.timeline.event import Event
from model.timeline.interval import TENTHS_PER_SECOND, Interval
from model.timeline.task import Task
from model.timeline.vocabulary import Vocabulary

FLOOR = -10.0
"""Lower bound for log-probabilities; also the value for tokens that were appended to close a cut answer."""
MARGIN = 0.001
"""Confidence has three decimals and is never certain: it lies in [MARGIN, 1 - MARGIN]."""


@dataclass(frozen=True, slots=True)
class Features:
    """The features of one interval. Log-probabilities are natural, among the allowed tokens, and at least FLOOR.

    Attributes:
        start, end: sum over the markers of that time, which is the log-probability of the time.
        words: mean over the tokens of the interval's words. In grounding these are the words before the answer's first
            time, which say whether the query is present; in other tasks, the words up to the next time: the caption.
        least: the minimum over the same tokens.
        length: natural logarithm of the interval's length in seconds. Short intervals are more easily missed.
        evidence: how much the interval's audio tokens resemble the caption, the query or the question (`Evidence`).

    Sections of recognised words have no markers and no audio tokens: see `model.engine.summary.section_features`.
    """

    start: float
    end: float
    words: float
    least: float
    length: float
    evidence: float


FEATURES = tuple(field.name for field in fields(Features))


@dataclass(frozen=True, slots=True)
class Logistic(Strict):
    """Confidence of one task: 1 / (1 + exp(-(bias + weights * features))), weights in the order of FEATURES."""

    bias: FiniteFloat
    weights: Annotated[tuple[FiniteFloat, ...], Field(min_length=len(FEATURES), max_length=len(FEATURES))]

    def __call__(self, features: Features) -> float:
        """Return the confidence: between MARGIN and 1 - MARGIN, three decimals."""
        score = self.bias + sum(w * f for w, f in zip(self.weights, astuple(features), strict=True))
        share = 1 / (1 + math.exp(-max(-50.0, min(50.0, score))))
        return min(1 - MARGIN, max(MARGIN, round(share, 3)))


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was fitted to a checkpoint: the confidence function of each task, and how to decide about presence.

    Tasks without a function have no confidence. Where `presence`, `occurrence` or `continuation` lacks a task, the
    language model alone decides whether, when, or how often a sound occurs. Without `captions`, it chooses all words.
    """

    tasks: dict[Task, Logistic]
    presence: dict[Task, Presence] = field(default_factory=dict)
    occurrence: dict[Task, Occurrence] = field(default_factory=dict)
    continuation: dict[Task, Continuation] = field(default_factory=dict)
    captions: KnownCaptions | None = None

    @property
    def largest_id(self) -> int:
        """The largest token id in it; -1 if there is none."""
        ids = [token for presence in self.presence.values() for token in (*presence.present, presence.absent)]
        return max([*ids, *(continuation.token for continuation in self.continuation.values())], default=-1)

    @classmethod
    def read(cls, path: Path) -> "Calibration":
        """Read `calibration.json`.

        Raises:
            CheckpointError: the file is not valid, or not of this version.
        """
        try:
            file = parse_strictly(_File, path.read_bytes())
            if file.features != FEATURES:
                raise JsonFaults([f"the features must be {', '.join(FEATURES)}"])
        except (JsonFaults, OSError) as error:
            raise CheckpointError(
                f"{path} cannot be used ({error}): remove it, or recreate it with timeaudio calibrate."
            ) from None
        return cls(file.tasks, file.presence, file.occurrence, file.continuation, file.captions)

    def write(self, path: Path, about: dict[str, Any]) -> None:
        """Write the file that `read` reads; `about` says what the calibration was fitted on."""
        value = asdict(
            _File(FEATURES, self.tasks, self.presence, self.occurrence, self.continuation, self.captions, about)
        )
        path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")

    def with_confidence(
        self, events: Sequence[Event], features: Sequence[Sequence[Features]], task: Task
    ) -> list[Event]:
        """Return the same events with the confidence of their intervals."""
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


@dataclass(frozen=True, slots=True)
class _File(Strict):
    """What `calibration.json` holds."""

    features: tuple[str, ...]
    tasks: dict[Task, Logistic]
    presence: dict[Task, Presence]
    occurrence: dict[Task, Occurrence]
    continuation: dict[Task, Continuation] = field(default_factory=dict)
    captions: KnownCaptions | None = None
    about: dict[str, Any] = field(default_factory=dict)


_NOWHERE = (slice(0, 0),) * 3


class _IntervalTokens(NamedTuple):
    """An interval and where it stands in the ids: the half-open ranges of its two times and of the words after it."""

    interval: Interval
    start: slice
    end: slice
    words: slice


def features_of(
    events: Sequence[Event],
    ids: Sequence[int],
    log_probs: Sequence[float],
    vocabulary: Vocabulary,
    task: Task,
    evidence: Callable[[Event, Interval], float],
) -> list[tuple[Features, ...]]:
    """Return the features of each interval of each event, in order.

    A free-text answer (`ask`) may join two times with tokens other than the separator's. The grammar does not treat
    these as one interval, so only the interval's length and evidence are known.

    Args:
        events: as the parser reads them from `ids`, in order.
        ids: an answer in the task's grammar, or the beginning of one that includes the last event.
        log_probs: natural log-probabilities of `ids`; missing ones at the end count as FLOOR.
        vocabulary: of the tokenizer that produced `ids`.
        task: the task of the answer.
        evidence: returns the evidence of an interval of an event.
    """
    floored = [max(FLOOR, value) for value in log_probs] + [FLOOR] * (len(ids) - len(log_probs))
    runs = _runs(ids, vocabulary.marker_ids)
    before = slice(0, runs[0].start if runs else 0)
    written, next_one = _written(ids, runs, vocabulary), 0
    found = []
    for event in events:
        mine = []
        for interval in event.intervals:
            place = next((n for n in range(next_one, len(written)) if written[n].interval == interval), None)
            mine.append(_IntervalTokens(interval, *_NOWHERE) if place is None else written[place])
            next_one = next_one if place is None else place + 1
        words = floored[before if task == "ground" else mine[-1].words] or [FLOOR]
        about = sum(words) / len(words), min(words)
        found.append(
            tuple(
                Features(
                    _time(floored[w.start]), _time(floored[w.end]), *about, _length(w), evidence(event, w.interval)
                )
                for w in mine
            )
        )
    return found


def _time(log_probs: Sequence[float]) -> float:
    return max(FLOOR, sum(log_probs)) if log_probs else FLOOR


def _length(written: "_IntervalTokens") -> float:
    return math.log(written.interval.length / TENTHS_PER_SECOND)


def _runs(ids: Sequence[int], markers: frozenset[int]) -> list[slice]:
    """Return the ranges of consecutive markers."""
    runs: list[slice] = []
    for place, token in enumerate(ids):
        if token not in markers:
            continue
        begin = runs.pop().start if runs and runs[-1].stop == place else place
        runs.append(slice(begin, place + 1))
    return runs


def _written(ids: Sequence[int], runs: Sequence[slice], vocabulary: Vocabulary) -> list[_IntervalTokens]:
    """Find each pair of times with a separator between them, and the words that follow up to the next time."""
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
            found.append(_IntervalTokens(Interval(start, end), first, second, slice(second.stop, following)))
        number += 2
    return found
