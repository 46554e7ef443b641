"""Write sounds and speech as captions for the deaf: `[a dog barks]` for a sound, plain text for speech. Pure.

The answers of both tasks become one dense caption, so that all formats can write it.
"""

import math
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache

from server.api.transcription_schema import (
    DurationUsage,
    InputTokens,
    TokenUsage,
    Transcription,
    TranscriptionForm,
    TranscriptionSegment,
    TranscriptionVerbose,
    TranscriptionWord,
)
from timeaudio.archive.kinds import mentioned_kind
from timeaudio.formats import DEFAULT_NAME, FORMATS
from timeaudio.formats.tracks import spans
from timeaudio.labels import LabelledInterval, one_line
from timeaudio.results import AnyAnswer, CaptionedEvent, DenseCaption, Interval, Piece, Summary, SummarySegment

SPEECH = "speech"
"""The kind of sound that the words themselves replace."""
_LEAST_CONFIDENCE = 1e-4  # JSON has no infinity, the logarithm of 0


def written(answers: Sequence[AnyAnswer], form: TranscriptionForm) -> tuple[str, str]:
    """Return the captions in the format that the form requests, and its media type."""
    answer = _merged(answers)
    match form.response_format or "json":
        case "srt" | "vtt" as name:
            return FORMATS[name].write(answer, DEFAULT_NAME), FORMATS[name].media_type
        case "text":
            return _text(spans(answer)) + "\n", "text/plain"
        case "verbose_json":
            return _verbose(answer, form), "application/json"
    return Transcription(text=_text(spans(answer)), usage=token_usage(answers)).model_dump_json(), "application/json"


class Captioner:
    """Writes captions, of speech before those of sounds. Where the words are, it leaves out that someone speaks."""

    def __init__(self) -> None:
        self._speech: list[SummarySegment] = []  # in order of time, apart from each other

    def captions(self, piece: Piece) -> Iterator[CaptionedEvent]:
        """Yield the caption of one sound or segment of speech, if there is one."""
        match piece:
            case CaptionedEvent():
                intervals = tuple(i for i in piece.intervals if not self._is_written(i, piece.caption))
                if intervals:
                    yield CaptionedEvent(intervals=intervals, caption=in_brackets(piece.caption))
            case SummarySegment():
                self._speech.append(piece)
                yield CaptionedEvent(intervals=(piece,), caption=piece.summary)

    def _is_written(self, interval: Interval, words: str) -> bool:
        """Return whether a sound is speech whose words fill at least half of the interval."""
        first = bisect_right(self._speech, interval.start, key=lambda segment: segment.end)
        last = bisect_left(self._speech, interval.end, key=lambda segment: segment.start)
        shared = sum(min(interval.end, s.end) - max(interval.start, s.start) for s in self._speech[first:last])
        return 2 * shared >= interval.end - interval.start and _is_speech(words)


@lru_cache(maxsize=1024)
def _is_speech(words: str) -> bool:
    kind = mentioned_kind(words)
    return kind is not None and kind.name == SPEECH


def in_brackets(words: str) -> str:
    """Return a caption as subtitles write a sound: `A dog barks.` becomes `[a dog barks]`."""
    bare = one_line(words).rstrip(".")
    first = bare.split(" ")[0]
    return f"[{bare if first[1:] != first[1:].lower() else bare[:1].lower() + bare[1:]}]"


def lines(event: CaptionedEvent) -> list[str]:
    """Return the lines that an event adds to a text: its caption, once for each interval."""
    return [one_line(event.caption)] * len(event.intervals)


def token_usage(answers: Sequence[AnyAnswer]) -> TokenUsage:
    """Return the tokens of all answers together."""
    read = sum(answer.usage.prompt_tokens for answer in answers)
    audio = sum(answer.usage.audio_tokens for answer in answers)
    output = sum(answer.usage.completion_tokens for answer in answers)
    return TokenUsage(
        input_tokens=read,
        output_tokens=output,
        total_tokens=read + output,
        input_token_details=InputTokens(audio_tokens=audio, text_tokens=max(0, read - audio)),
    )


def _merged(answers: Sequence[AnyAnswer]) -> DenseCaption:
    """Return the captions of speech and of sounds as one answer, with the other fields of the last, the sounds."""
    captioner = Captioner()
    events = [event for answer in answers for piece in _pieces(answer) for event in captioner.captions(piece)]
    return DenseCaption(**{**dict(answers[-1]), "events": tuple(events)})


def _pieces(answer: AnyAnswer) -> Sequence[Piece]:
    match answer:
        case DenseCaption():
            return answer.events
        case Summary():
            return answer.segments
    raise AssertionError(f"{type(answer).__name__} has no captions")


def _text(found: Sequence[LabelledInterval]) -> str:
    return "\n".join(span.label for span in found)


def _verbose(answer: DenseCaption, form: TranscriptionForm) -> str:
    wanted = form.timestamp_granularities or ["segment"]
    found = spans(answer)
    whole = TranscriptionVerbose(
        duration=answer.audio.duration,
        text=_text(found),
        segments=[_segment(number, span, form.temperature or 0.0) for number, span in enumerate(found)],
        words=[TranscriptionWord(word=s.label, start=s.start_ms / 1000, end=s.end_ms / 1000) for s in found],
        usage=DurationUsage(seconds=answer.audio.duration),
    )
    left_out = {name for name, kind in (("segments", "segment"), ("words", "word")) if kind not in wanted}
    return whole.model_dump_json(exclude=left_out)


def _segment(number: int, span: LabelledInterval, temperature: float) -> TranscriptionSegment:
    is_known = span.confidence is not None
    confidence = 1.0 if span.confidence is None else span.confidence
    text = span.label.encode("utf-8", "replace")
    return TranscriptionSegment(
        id=number,
        start=span.start_ms / 1000,
        end=span.end_ms / 1000,
        text=span.label,
        temperature=temperature,
        avg_logprob=math.log(max(confidence, _LEAST_CONFIDENCE)),
        compression_ratio=len(text) / len(zlib.compress(text)),
        no_speech_prob=1.0 - confidence,
        confidence=confidence if is_known else None,
    )
