"""Answers of all four tasks for tests of formats: simple examples, edge cases, and random answers."""

from typing import Any

from hypothesis import strategies as st

from timeaudio.results import (
    AnyAnswer,
    AudioInfo,
    CaptionedEvent,
    DenseCaption,
    Grounding,
    GroundingResult,
    Interval,
    QuestionAnswer,
    Summary,
    SummarySegment,
    Timing,
    Usage,
)

TASKS = ("dense_caption", "ground", "summarize", "ask")

NASTY = (
    'He said "stop".',
    '"',
    "a --> b",
    "1\n00:00:00,000 --> 00:00:01,000\nforged",
    "\n\nblank\n\n",
    "tab\there",
    "NOTE this",
    "<b>bold</b> & &amp; <00:00:01.000>",
    "\\ backslash \\n",
    "''",
    "雨が降る 🐕‍🦺 café",
    "\u202eright to left\u202c",
    "\x00\x1b[31m",
    "",
    "   ",
    "# comment",
    "a,b;c|d",
    "<NA>",
    "\u2028line\u2029paragraph\x85next",
)
"""Text that a careless writer would not escape."""


def shared(duration: float = 10.0, start: float = 0.0) -> dict[str, Any]:
    """Return the fields that every answer has."""
    return {
        "id": "ta-1",
        "model": "timeaudio-small",
        "audio": AudioInfo(duration=duration, start=start),
        "usage": Usage(audio_seconds=duration, audio_tokens=30, prompt_tokens=50, completion_tokens=20),
        "timing": Timing(decode_s=0.01, queue_s=0.0, encode_s=0.1, generate_s=0.2, total_s=0.31),
    }


def interval(start: float, end: float, confidence: float | None = None) -> Interval:
    return Interval(start=start, end=end, confidence=confidence)


CAPTIONS = DenseCaption(
    events=(
        CaptionedEvent(intervals=(interval(0.0, 2.5), interval(3.2, 8.0, 0.75)), caption="A dog barks."),
        CaptionedEvent(intervals=(interval(1.0, 9.0),), caption="Rain falls."),
    ),
    **shared(),
)
GROUNDING = Grounding(
    results=(
        GroundingResult(query="a dog barks", present=True, intervals=(interval(0.2, 2.7, 0.5),)),
        GroundingResult(query="rain", present=False, intervals=()),
    ),
    **shared(),
)
SUMMARY = Summary(
    segments=(
        SummarySegment(start=0.0, end=4.1, summary="The speaker welcomes the audience."),
        SummarySegment(start=4.1, end=10.0, summary="She names her subject.", confidence=0.9),
    ),
    **shared(),
)
ANSWERED = QuestionAnswer(
    question="How often does the dog bark?",
    answer="Twice.",
    intervals=(interval(0.5, 1.0), interval(4.0, 5.5)),
    **shared(),
)
UNPLACED = QuestionAnswer(question="Is it loud?", answer="Yes.", intervals=(), **shared())

PLAIN: dict[str, AnyAnswer] = {
    "dense_caption": CAPTIONS,
    "ground": GROUNDING,
    "summarize": SUMMARY,
    "ask": ANSWERED,
    "ask without times": UNPLACED,
    "no events": DenseCaption(events=(), **shared()),
    "no speech": Summary(segments=(), **shared()),
    "all absent": Grounding(results=(GroundingResult(query="rain", present=False, intervals=()),), **shared()),
    "a part of an hour": DenseCaption(
        events=(CaptionedEvent(intervals=(interval(3599.9, 3600.1),), caption="A bell."),),
        **shared(20.0, 3590.0),
    ),
}

words = st.one_of(st.sampled_from(NASTY), st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
confidences = st.one_of(st.none(), st.floats(0, 1).map(lambda value: round(value, 3)))


@st.composite
def interval_fields(draw: st.DrawFn) -> dict[str, Any]:
    start = draw(st.integers(0, 99))
    end = draw(st.integers(start + 1, 100))
    return {"start": start / 10, "end": end / 10, "confidence": draw(confidences)}


intervals = st.lists(interval_fields().map(lambda fields: Interval(**fields)), min_size=1, max_size=3).map(tuple)


def any_answer() -> st.SearchStrategy[AnyAnswer]:
    """Return a strategy for answers of any task, with up to four overlapping intervals and any text."""
    events = st.builds(CaptionedEvent, intervals=intervals, caption=words)
    found = st.builds(GroundingResult, query=words, present=st.just(True), intervals=intervals)
    absent = st.builds(GroundingResult, query=words, present=st.just(False), intervals=st.just(()))
    segments = st.builds(lambda fields, text: SummarySegment(summary=text, **fields), interval_fields(), words)
    return st.one_of(
        st.builds(lambda items: DenseCaption(events=tuple(items), **shared()), st.lists(events, max_size=4)),
        st.builds(
            lambda items: Grounding(results=tuple(items), **shared()), st.lists(found | absent, min_size=1, max_size=4)
        ),
        st.builds(lambda items: Summary(segments=tuple(items), **shared()), st.lists(segments, max_size=4)),
        st.builds(
            lambda question, text, when: QuestionAnswer(question=question, answer=text, intervals=when, **shared()),
            words, words, intervals | st.just(()),
        ),
    )  # fmt: skip
