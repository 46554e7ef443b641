"""Intervals that a checkpoint told, what is known of each, and whether it was right: confidence is fitted to these."""

from collections.abc import Iterator
from dataclasses import dataclass

from model.confidence import Features, features_of
from model.engine.asking import Question
from model.timeline.event import Event
from model.timeline.interval import Interval
from model.timeline.task import Task
from model.timeline.vocabulary import Vocabulary

RIGHT_IOU = 0.5
"""With an event, from which on an interval is right."""


@dataclass(frozen=True, slots=True)
class Told:
    """One interval that the model told, and whether it was right."""

    task: Task
    features: Features
    is_right: bool


def intervals_of(question: Question, vocabulary: Vocabulary, task: Task) -> Iterator[tuple[Event, Interval, Features]]:
    """Every interval of an answer, once it is written, with its event."""
    answer, completion = question.answer(), question.sequence.completion
    assert completion is not None, "it was run to its end"
    features = features_of(answer.told, completion.ids, completion.grammar_log_probs, vocabulary, task)
    for event, known in zip(answer.told, features, strict=True):
        for interval, row in zip(event.intervals, known, strict=True):
            yield event, interval, row
