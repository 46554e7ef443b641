"""Subtitles: SubRip and WebVTT. One cue per span, overlapping ones side by side, as both formats allow."""

from timeaudio.formats.tracks import spans
from timeaudio.results import AnyAnswer


def srt(answer: AnyAnswer, name: str) -> str:
    """SubRip, which has no escapes: `-->` becomes `->`, since some players read a line with it as a new cue."""
    cues = [
        f"{number}\n{_clock(span.start_ms, ',')} --> {_clock(span.end_ms, ',')}\n{span.label.replace('-->', '->')}\n"
        for number, span in enumerate(spans(answer), start=1)
    ]
    return "\n".join(cues)


def vtt(answer: AnyAnswer, name: str) -> str:
    """WebVTT. Source: https://www.w3.org/TR/webvtt1/, 4.2.2: cue text spells `&`, `<`, `>` as character references."""
    cues = [
        f"\n{_clock(span.start_ms, '.')} --> {_clock(span.end_ms, '.')}\n{_escaped(span.label)}\n"
        for span in spans(answer)
    ]
    return "".join(["WEBVTT\n", *cues])


def _clock(milliseconds: int, mark: str) -> str:
    """`01:02:03,456`, with `mark` before the milliseconds; hours always, and as many digits as they need."""
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{mark}{milliseconds:03d}"


def _escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
