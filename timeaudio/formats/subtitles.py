"""Subtitles: SubRip and WebVTT. One cue per span; cues may overlap, as both formats allow."""

from collections.abc import Iterable

from timeaudio.formats.tracks import LabelledInterval, spans
from timeaudio.results import AnyAnswer


def srt(answer: AnyAnswer, name: str) -> str:
    """Write SubRip. It has no escapes: `-->` becomes `->`, since some players start a new cue at a line with it."""
    return srt_cues(spans(answer))


def srt_cues(intervals: Iterable[LabelledInterval]) -> str:
    """Write SubRip, a cue per interval."""
    cues = [
        f"{number}\n{_clock(span.start_ms, ',')} --> {_clock(span.end_ms, ',')}\n{span.label.replace('-->', '->')}\n"
        for number, span in enumerate(intervals, start=1)
    ]
    return "\n".join(cues)


def vtt(answer: AnyAnswer, name: str) -> str:
    """Write WebVTT. Source: https://www.w3.org/TR/webvtt1/, 4.2.2: cue text escapes `&`, `<` and `>`."""
    cues = [
        f"\n{_clock(span.start_ms, '.')} --> {_clock(span.end_ms, '.')}\n{_escaped(span.label)}\n"
        for span in spans(answer)
    ]
    return "".join(["WEBVTT\n", *cues])


def _clock(milliseconds: int, mark: str) -> str:
    """Format as `01:02:03,456`, with `mark` before the milliseconds; hours may have more than two digits."""
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{mark}{milliseconds:03d}"


def _escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
