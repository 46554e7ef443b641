"""Summarise speech without the language model: recognised words, in sections, each with its first sentence."""

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
from model.timeline.sections import SENTENCE_WORDS, Section, divide, phrases
from model.timeline.word_search import WordSearch
from model.timeline.words import Word, collapse, join_letters

NUM_SYMBOLS = 7
"""The number of symbols per frame that a search with a lexicon tries."""


@torch.inference_mode()
def read_words(transcriber: Transcriber, frames: Float[Tensor, "frames dim"], first: int = 0) -> list[Word]:
    """Return the words that are spoken in the frames. The first frame has the number `first` in its recording.

    A word ends with its segment of 30 s at the latest, since the layers see nothing beyond the segment.
    """
    words: list[Word] = []
    for start in range(0, len(frames), SEGMENT_FRAMES):
        scores = transcriber(frames[None, start : start + SEGMENT_FRAMES])[0]
        likely = _likely(scores, 1 if transcriber.lexicon is None else NUM_SYMBOLS)
        if transcriber.lexicon is None:
            words += join_letters(collapse((frame[0] for frame in likely), first + start))
        else:
            search = WordSearch(transcriber.lexicon, first + start)
            for frame in likely:
                search.add(frame)
            words += search.words()
    return words


def _likely(scores: Float[Tensor, "frames symbols"], count: int) -> list[list[tuple[str, float]]]:
    """Return the most probable symbols of each frame with their log-probabilities; the blank is an empty string."""
    best = scores.topk(count, dim=-1)
    names = ("", *SYMBOLS)
    return [
        [(names[symbol], value) for symbol, value in zip(symbols, values, strict=True)]
        for symbols, values in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]


def summarize(
    words: list[Word], duration: int, calibration: Calibration | None, *, verbatim: bool = False
) -> ParsedAnswer:
    """Return an answer with the sections of the speech or, with `verbatim`, all of the speech, divided at pauses.

    Units: `duration` in tenths of a second.
    """
    confidence = None if calibration is None else calibration.tasks.get("summarize")
    events: list[Event] = []
    for section in phrases(words) if verbatim else divide(words):
        interval = section.interval(duration)
        if confidence is not None:
            interval = Interval(interval.start, interval.end, confidence(section_features(section, interval)))
        events.append(Event((interval,), section.caption))
    written = " ".join(f"{format_interval(event.intervals[0])}, {event.caption}" for event in events)
    return ParsedAnswer(tuple(events), written, 0, 0, separate=tuple(events))


def section_features(section: Section, interval: Interval) -> Features:
    """Return what the confidence of a section depends on: how sure its caption's words are, and how many there are."""
    log_probs = [max(FLOOR, word.log_prob) for word in section.leading]
    return Features(
        start=0.0, end=0.0, words=sum(log_probs) / len(log_probs), least=min(log_probs),
        length=math.log(interval.length / TENTHS_PER_SECOND), evidence=len(log_probs) / SENTENCE_WORDS[1],
    )  # fmt: skip
