"""Praat's TextGrid, which ELAN reads too: one tier per track, in the long text form.

Source: https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html. The intervals of a tier
have no gaps and never overlap: silence is an interval without text, and overlapping spans go to a further tier,
`events (2)`.
"""

from collections.abc import Iterable, Iterator

from timeaudio.formats.tracks import end_ms, tracks
from timeaudio.labels import LabelledInterval
from timeaudio.results import AnyAnswer


def textgrid(answer: AnyAnswer, name: str) -> str:
    """Write the whole file as Praat does. Its tiers run from 0 s to the end of the analysed part."""
    end = end_ms(answer)
    tiers = list(_tiers(answer))
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0 ",
        f"xmax = {_seconds(end)} ",
        "tiers? <exists> ",
        f"size = {len(tiers)} ",
        "item []: ",
    ]
    for number, (tier, spans) in enumerate(tiers, start=1):
        intervals = list(_without_gaps(spans, end))
        lines += [
            f"    item [{number}]:",
            '        class = "IntervalTier" ',
            f"        name = {_quoted(tier)} ",
            "        xmin = 0 ",
            f"        xmax = {_seconds(end)} ",
            f"        intervals: size = {len(intervals)} ",
        ]
        for index, span in enumerate(intervals, start=1):
            lines += [
                f"        intervals [{index}]:",
                f"            xmin = {_seconds(span.start_ms)} ",
                f"            xmax = {_seconds(span.end_ms)} ",
                f"            text = {_quoted(span.label)} ",
            ]
    return "\n".join(lines) + "\n"


def _tiers(answer: AnyAnswer) -> Iterator[tuple[str, list[LabelledInterval]]]:
    """Yield tiers with unique names and without overlapping spans."""
    taken: set[str] = set()
    for track in tracks(answer):
        for lane in _lanes(track.spans):
            name, number = track.name, 1
            while name in taken:
                number += 1
                name = f"{track.name} ({number})"
            taken.add(name)
            yield name, lane


def _lanes(spans: Iterable[LabelledInterval]) -> list[list[LabelledInterval]]:
    """Put spans, in order of time, each on the first free lane. Return at least one lane."""
    lanes: list[list[LabelledInterval]] = [[]]
    for span in spans:
        free = next((lane for lane in lanes if not lane or lane[-1].end_ms <= span.start_ms), None)
        if free is None:
            lanes.append([span])
        else:
            free.append(span)
    return lanes


def _without_gaps(spans: list[LabelledInterval], end: int) -> Iterator[LabelledInterval]:
    """Yield the spans from 0 to `end`, with silence in the gaps."""
    at = 0
    for span in spans:
        if span.start_ms > at:
            yield LabelledInterval(at, span.start_ms, "")
        yield span
        at = span.end_ms
    if at < end:
        yield LabelledInterval(at, end, "")


def _quoted(words: str) -> str:
    return '"' + words.replace('"', '""') + '"'


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:g}" if milliseconds < 1_000_000 else f"{milliseconds / 1000:.3f}"
