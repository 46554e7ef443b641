"""Subtitles: SubRip and WebVTT. One cue per span; cues may overlap, as both formats allow."""

from timeaudio.formats.tracks import spans
from timeaudio.labels import clock, srt_cues
from timeaudio.results import AnyAnswer


def srt(answer: AnyAnswer, name: str) -> str:
    """Write SubRip. It has no escapes: `-->` becomes `->`, since some players start a new cue at a line with it."""
    return srt_cues(spans(answer))


def vtt(answer: AnyAnswer, name: str) -> str:
    """Write WebVTT. Source: https://www.w3.org/TR/webvtt1/, 4.2.2: cue text escapes `&`, `<` and `>`."""
    cues = [
        f"\n{clock(span.start_ms, '.')} --> {clock(span.end_ms, '.')}\n{_escaped(span.label)}\n"
        for span in spans(answer)
    ]
    return "".join(["WEBVTT\n", *cues])


def _escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
