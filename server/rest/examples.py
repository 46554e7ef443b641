"""The example recording and the example answer of each task for the OpenAPI document."""

import base64
import io
import wave
from collections.abc import Mapping
from typing import Any

from model.timeline.task import Task
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


def _tiny_recording() -> str:
    """Return 0.1 s of a square wave as a base64 WAV file: short enough to print, long enough to analyse."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(1)
        writer.setframerate(8000)
        writer.writeframes((b"\x60" * 10 + b"\xa0" * 10) * 40)
    return base64.b64encode(file.getvalue()).decode()


RECORDING = _tiny_recording()

_SHARED: Mapping[str, Any] = {
    "id": "ta-6f0c2d9b8a4e4b0f9a5f5f0d6f1f2a3b",
    "model": "timeaudio-small",
    "audio": AudioInfo(duration=10.0),
    "usage": Usage(audio_seconds=10.0, audio_tokens=30, prompt_tokens=52, completion_tokens=24),
    "timing": Timing(decode_s=0.012, queue_s=0.001, encode_s=0.18, generate_s=0.31, total_s=0.512),
}

ANSWERS: Mapping[Task, AnyAnswer] = {
    "dense_caption": DenseCaption(
        events=(
            CaptionedEvent(
                intervals=(
                    Interval(start=0.0, end=2.5, confidence=0.91),
                    Interval(start=3.2, end=8.0, confidence=0.64),
                ),
                caption="A dog barks.",
            ),
            CaptionedEvent(intervals=(Interval(start=1.0, end=9.0, confidence=0.83),), caption="Rain falls."),
        ),
        **_SHARED,
    ),
    "ground": Grounding(
        results=(
            GroundingResult(
                query="a dog barks", present=True, intervals=(Interval(start=0.5, end=2.5, confidence=0.91),)
            ),
            GroundingResult(query="rain", present=False, intervals=()),
        ),
        **_SHARED,
    ),
    "summarize": Summary(
        segments=(
            SummarySegment(start=0.0, end=4.1, summary="The speaker welcomes the audience."),
            SummarySegment(start=4.1, end=10.0, summary="She names the subject of her talk."),
        ),
        **_SHARED,
    ),
    "ask": QuestionAnswer(
        question="How often does the dog bark?",
        answer="Twice.",
        intervals=(Interval(start=0.0, end=2.5), Interval(start=3.2, end=8.0)),
        **_SHARED,
    ),
}

BESIDE: Mapping[Task, Mapping[str, Any]] = {
    "dense_caption": {},
    "ground": {"query": ["a dog barks", "rain"]},
    "summarize": {},
    "ask": {"question": "How often does the dog bark?"},
}
"""Fields that a request needs besides the recording."""
