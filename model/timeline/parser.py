"""Events from an answer's text, while it is still being written.

Times are read as `grammar.ebnf` spells them. Text that no grammar has held back is read too, by three rules that keep
it honest: an interval is never repaired, a partner is never guessed, and words that follow something unreadable belong
to nobody.
"""

import re
from typing import Final

from model.timeline.event import Event
from model.timeline.interval import Interval
from model.timeline.markers import MARKERS, read_time
from model.timeline.task import CAPTIONED, Task

_MARKERS: Final = frozenset(MARKERS)
_MARKER_PREFIXES: Final = frozenset(marker[:length] for marker in MARKERS for length in range(1, len(marker)))

# Some tokenizers lose or double a space beside an added token, so the spaces do not count.
_SEPARATOR: Final = re.compile(r"\s*-\s*")
_UNIT: Final = re.compile(r"\s*(?:seconds|second|s)\b")
_BEFORE_CAPTION: Final = " \t\r\n\v\f\u00a0,;:.-\u2013\u2014"
_AFTER_CAPTION: Final = " \t\r\n\v\f\u00a0,;:-\u2013\u2014"

_UNREADABLE: Final = -1  # stands for a time, makes an interval with nothing


def caption_of(text: str) -> str:
    """The caption in the text between two intervals, or "" where that text only joins them.

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
    """Events out of text that arrives in pieces: the same events, at the same character, however it is cut.

    Consecutive intervals, with nothing but commas, "and" or the unit between them, share the text that follows, up
    to the next marker. An event is finished by that marker, or by `finish`.

    Left out, silently: an interval that does not end after its start or not within the recording, a time without a
    partner, markers that make no time, text that follows none but those, and in the captioned tasks (dense
    captioning, summaries) an interval that nothing was said about. In grounding every caption is "".

    Never raises, whatever the text. Units: `duration_tenths` in tenths.
    """

    def __init__(self, task: Task, duration_tenths: int) -> None:
        self._task = task
        self._duration = duration_tenths
        self._reset()

    def _reset(self) -> None:
        self._piece = ""  # the beginning of what may become a marker
        self._run: list[str] = []  # markers that touch
        self._gap: list[str] = []  # text since the last marker
        self._first: int | None = None  # a time that waits for its partner
        self._is_second = False  # the run being read is that partner
        self._intervals: list[Interval] = []

    def feed(self, text_piece: str) -> list[Event]:
        """The events that this piece of the answer finishes."""
        finished: list[Event] = []
        for char in text_piece:
            piece = self._piece + char
            if piece in _MARKERS:
                self._piece = ""
                finished += self._on_marker(piece)
            elif piece in _MARKER_PREFIXES:
                self._piece = piece
            else:
                # "<" begins a marker and is nowhere else in one, so only the newest character can begin another.
                self._piece = char if char == "<" else ""
                self._on_text(piece[:-1] if char == "<" else piece)
        return finished

    def finish(self) -> list[Event]:
        """The events that the end of the answer finishes. The parser is then as new.

        A marker that the end cuts in two is not part of a caption.
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
    """The events in a whole answer. Units: `duration_tenths` in tenths."""
    parser = Parser(task, duration_tenths)
    return parser.feed(text) + parser.finish()
