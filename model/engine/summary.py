"""Summarise what is said without the language model: recognised words, in sections, each with its first sentence."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from model.confidence import FLOOR, Calibration, Features
from model.encoders.transcriber import SEGMENT_FRAMES, SYMBOLS, Transcriber
from model.engine.updates import ParsedAnswer
from model.timeline.event import Event
from model.timeline.interval import TENTHS_PER_SECOND, Interval
from model.timeline.markers import format_interval
from model.timeline.sections import SENTENCE_WORDS, Section, divide
from model.timeline.words import Letter, Word, join_letters


@torch.inference_mode()
def read_words(transcriber: Transcriber, frames: Float[Tensor, "frames dim"]) -> list[Word]:
    """Return the words that are spoken in a recording, by the most probable symbol of each frame."""
    letters: list[Letter] = []
    for first in range(0, len(frames), SEGMENT_FRAMES):
        best = transcriber(frames[None, first : first + SEGMENT_FRAMES])[0].max(dim=-1)
        letters += _letters(best.indices.tolist(), best.values.tolist(), first)
        letters.append(Letter(" ", first, 0.0))  # a word ends with its segment, since the layers see nothing beyond
    return join_letters(letters)


def _letters(symbols: list[int], log_probs: list[float], first: int) -> list[Letter]:
    """Collapse repeated symbols to the most probable of them, and leave out the blank."""
    letters: list[Letter] = []
    before = 0
    for frame, (symbol, log_prob) in enumerate(zip(symbols, log_probs, strict=True), first):
        if symbol and symbol != before:
            letters.append(Letter(SYMBOLS[symbol - 1], frame, log_prob))
        elif symbol and log_prob > letters[-1].log_prob:
            letters[-1] = Letter(SYMBOLS[symbol - 1], frame, log_prob)
        before = symbol
    return letters


def summarize(words: list[Word], duration: int, calibration: Calibration | None) -> ParsedAnswer:
    """Return the sections of what is said as an answer. Units: `duration` in tenths of a second."""
    confidence = None if calibration is None else calibration.tasks.get("summarize")
    events: list[Event] = []
    for section in divide(words):
        interval = section.interval(duration)
        if confidence is not None:
            interval = Interval(interval.start, interval.end, confidence(section_features(section, interval)))
        events.append(Event((interval,), section.caption))
    written = " ".join(f"{format_interval(event.intervals[0])}, {event.caption}" for event in events)
    return ParsedAnswer(tuple(events), written, 0, 0, None, tuple(events))


def section_features(section: Section, interval: Interval) -> Features:
    """Return what the confidence of a section depends on: how sure its caption's words are, and how many there are."""
    log_probs = [max(FLOOR, word.log_prob) for word in section.leading]
    return Features(
        start=0.0, end=0.0, words=sum(log_probs) / len(log_probs), least=min(log_probs),
        length=math.log(interval.length / TENTHS_PER_SECOND), evidence=len(log_probs) / SENTENCE_WORDS[1],
    )  # fmt: skip
