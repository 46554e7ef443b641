"""Parse events from an answer's text while it is being generated.

Times have the form of `grammar.ebnf`. The parser also accepts text generated without the grammar, by three rules: it
never repairs an interval, it never guesses a missing time, and it drops words that follow an unreadable time.
"""

import re
from typing import Final

from model.timeline.event import Event
from model.timeline.interval import Interval
from model.timeline.markers import MARKERS, read_time
from model.timeline.task import CAPTIONED, Task

_MARKERS: Final = frozenset(MARKERS)
_MARKER_PREFIXES: Final = frozenset(marker[:length] for marker in MARKERS for length in range(1, len(marker)))

# Some tokenizers lose or double a space next to an added token, so spaces are optional.
_SEPARATOR: Final = re.compile(r"\s*-\s*")
_UNIT: Final = re.compile(r"\s*(?:seconds|second|s)\b")
_BEFORE_CAPTION: Final = " \t\r\n\v\f\u00a0,;:.-\u2013\u2014"
_AFTER_CAPTION: Final = " \t\r\n\v\f\u00a0,;:-\u2013\u2014"

_UNREADABLE: Final = -1  # a placeholder for a time that never forms an interval


def caption_of(text: str) -> str:
    """Return the caption in the text between two intervals, or "" if that text only joins them.

    | text | caption |
    |---|---|
    | ` seconds, A dog barks. ` | `A dog barks.` |
    | `, Second bell rings.` | `Second bell rings.` |
    | `, `, ` and `, ` seconds and`, ` seconds.` | |
    """
    unit = _UNIT.match(text)
    words = text[unit.end() if unit else 0 :].lstrip(_BEFORE_CAPTION).rstrip(_AFTER_CAPTION)
    return words if words != "and" and any(char.isalnum() for char in words) else ""


class Parser:
    """Parses events from text that arrives in pieces. The result does not depend on how the text is split.

    Consecutive intervals with only commas, "and" or the unit between them share the text that follows, up to the next
    marker. That marker, or `finish`, completes the event.

    The parser silently drops: an interval that does not end after its start, or ends after the recording; a time
    without a partner; malformed runs of markers; text that follows only those; and, in the captioned tasks (dense
    captioning, summaries), an interval without a caption. In grounding every caption is "".

    It never raises, whatever the text. Units: `duration_tenths` in tenths.
    """

    def __init__(self, task: Task, duration_tenths: int) -> None:
        self._task = task
        self._duration = duration_tenths
        self._reset()

    def _reset(self) -> None:
        self._piece = ""  # a possible beginning of a marker
        self._run: list[str] = []  # adjacent markers
        self._gap: list[str] = []  # text since the last marker
        self._first: int | None = None  # a time without a partner so far
        self._is_second = False  # whether the current run is that partner
        self._intervals: list[Interval] = []

    def feed(self, text_piece: str) -> list[Event]:
        """Return the events that this piece of the answer completes."""
        finished: list[Event] = []
        for char in text_piece:
            piece = self._piece + char
            if piece in _MARKERS:
                self._piece = ""
                finished += self._on_marker(piece)
            elif piece in _MARKER_PREFIXES:
                self._piece = piece
            else:
                # "<" occurs in a marker only at its beginning, so only the newest character can begin another one.
                self._piece = char if char == "<" else ""
                self._on_text(piece[:-1] if char == "<" else piece)
        return finished

    def finish(self) -> list[Event]:
        """Return the events that the end of the answer completes, and reset the parser.

        A marker that is cut off at the end is not part of a caption.
        """
        if self._piece == "<":
            self._on_text("<")
        self._end_run()
        finished = self._event("".join(self._gap))
        self._reset()
        return finished

    def _on_text(self, text: str) -> None:
        if text:
            self._end_run()
            self._gap.append(text)

    def _on_marker(self, marker: str) -> list[Event]:
        finished: list[Event] = []
        if not self._run:
            gap = "".join(self._gap)
            self._gap.clear()
            self._is_second = self._first is not None and _SEPARATOR.fullmatch(gap) is not None
            if caption_of(gap):
                finished = self._event(gap)
                self._intervals.clear()
        self._run.append(marker)
        return finished

    def _end_run(self) -> None:
        if not self._run:
            return
        try:
            time = read_time("".join(self._run))
        except ValueError:
            time = _UNREADABLE
        self._run.clear()
        if not self._is_second:
            self._first = time
            return
        first, self._first = self._first, None
        if first is not None and 0 <= first < time <= self._duration:
            self._intervals.append(Interval(first, time))

    def _event(self, text: str) -> list[Event]:
        caption = "" if self._task == "ground" else caption_of(text)
        if not self._intervals or (self._task in CAPTIONED and not caption):
            return []
        return [Event(tuple(self._intervals), caption)]


def parse(text: str, task: Task, duration_tenths: int) -> list[Event]:
    """Return the events in a whole answer. Units: `duration_tenths` in tenths."""
    parser = Parser(task, duration_tenths)
    return parser.feed(text) + parser.finish()
