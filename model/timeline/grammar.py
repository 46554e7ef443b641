"""Compute which tokens may come next, so that every answer can be parsed and lies inside its recording.

`grammar.ebnf` specifies the rules. Every valid prefix can be completed, because a digit is allowed only if it can
still lead to a valid time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from model.timeline.digits import next_digits, next_tenths, smallest, spans
from model.timeline.task import CAPTIONED, TASKS, Task
from model.timeline.vocabulary import Vocabulary

__all__ = ["START", "Allowed", "Grammar", "State", "Vocabulary"]


@dataclass(frozen=True, slots=True)
class Allowed:
    """The tokens that may come next: those in `only` or, if that is None, all but those in `never`.

    Exactly one of the two is set. Instances are hashable and few are distinct, so a caller can cache a mask for each.
    """

    only: frozenset[int] | None
    never: frozenset[int] | None

    def permits(self, token_id: int) -> bool:
        """Whether this token may come next."""
        if self.only is not None:
            return token_id in self.only
        return self.never is None or token_id not in self.never


class Phase(IntEnum):
    """The position of the next token in an answer."""

    OPENING = 0  # before the first token
    TEXT = 1  # after a word
    START = 2  # inside the first time of an interval, or a lone time
    SEPARATOR = 3  # after that time and `matched` separator ids
    END = 4  # inside the second time; before its first digit if `seconds` is None
    CLOSED = 5  # directly after an interval
    OVER = 6  # after the end, or after a token that was not allowed


class State(NamedTuple):
    """Everything that the rules for the next token depend on. Units: `start` and `ended` in tenths."""

    phase: Phase = Phase.OPENING
    seconds: int | None = None  # the digits of the time being written
    start: int = 0  # the first time, once it is complete, until the next word
    matched: int = 0
    ended: int = 0  # the end of the last interval
    owes_words: bool = False  # the last interval has no caption yet


START: Final = State()
"""Before the first token."""


class Grammar:
    """The rules of one task for one recording.

    A decoder keeps a `State` for each beam, starting with `START`. A step costs one `advance` and one `allowed_after`,
    whatever the length of the answer. Not thread-safe.

    Units: `duration` in tenths, floored, at least 1.

    Attributes:
        special: the ids that are not words: the markers and the end.

    Raises:
        ValueError: the task is unknown, or the duration is below one tenth.
    """

    def __init__(self, vocabulary: Vocabulary, task: Task, duration: int) -> None:
        if task not in TASKS:
            raise ValueError(f"Unknown task {task!r}: use one of {', '.join(TASKS)}.")
        if duration < 1:
            raise ValueError(f"The duration must be at least one tenth of a second; got {duration}.")
        self.vocabulary = vocabulary
        self.task = task
        self.duration = duration
        self._anchors = {token_id: digit for digit, token_id in enumerate(vocabulary.anchor_ids)}
        self._offsets = {token_id: digit for digit, token_id in enumerate(vocabulary.offset_ids)}
        self._latest_start = duration if task == "ask" else duration - 1
        self.special = vocabulary.marker_ids | {vocabulary.eos_id}
        self._allowed: dict[State, Allowed] = {}

    def allowed(self, ids: Sequence[int]) -> Allowed:
        """Return the tokens that may follow `ids`, the answer so far without its prompt.

        After the end, or after a token that was not allowed, only the end may follow: a beam search with fewer
        candidates than beams can hold such a row (at minus infinity), which must not stop the others.
        """
        return self.allowed_after(self._walk(ids))

    def closing(self, ids: Sequence[int]) -> list[int]:
        """Return the ids to append if an answer is cut after `ids`, so that no time or interval is incomplete.

        `ids` stay as they are. An incomplete time becomes the earliest valid one with its digits, an incomplete
        interval the shortest one with its start: the minimal reading of the answer. In `ask` a lone time is
        complete, so nothing follows it. A caption cannot be made up: an interval without one stays as it is, and the
        parser drops it. The end-of-sequence token is not included.
        """
        state, closing = self._walk(ids), list[int]()
        if state.phase is Phase.START:
            low, high = self._range(state)
            start, tail = self._rest_of_time(state.seconds, low, high)
            closing += tail
            state = State(Phase.SEPARATOR, start=start)
        if state.phase is Phase.SEPARATOR and self.task != "ask":
            closing += self.vocabulary.separator_ids[state.matched :]
            state = State(Phase.END, start=state.start)
        if state.phase is Phase.END:
            low, high = self._range(state)
            closing += self._rest_of_time(state.seconds, low, high)[1]
        return closing

    def _walk(self, ids: Sequence[int]) -> State:
        state = START
        for token_id in ids:
            state = self.advance(state, token_id)
        return state

    def advance(self, state: State, token_id: int) -> State:
        """Return the state after this token."""
        if state.phase is Phase.TEXT and not state.owes_words and token_id not in self.special:
            return state  # a fast path: most tokens are a word after a word
        if token_id == self.vocabulary.eos_id or not self.allowed_after(state).permits(token_id):
            return State(Phase.OVER)
        if token_id in self._anchors:
            return self._with_digit(state, self._anchors[token_id])
        if token_id in self._offsets:
            return self._with_tenth(state, self._offsets[token_id])
        if state.phase is Phase.SEPARATOR and self._continues_separator(state, token_id):
            if self.task != "ask" and state.matched + 1 == len(self.vocabulary.separator_ids):
                return State(Phase.END, start=state.start, ended=state.ended)
            return state._replace(matched=state.matched + 1)
        owes_words = state.owes_words and token_id in self.vocabulary.wordless_ids
        return State(Phase.TEXT, ended=state.ended, owes_words=owes_words)

    def _with_digit(self, state: State, digit: int) -> State:
        if state.phase is Phase.SEPARATOR and self._is_paired(state):
            return State(Phase.END, seconds=digit, start=state.start, ended=state.ended)
        if state.phase in (Phase.START, Phase.END):
            return state._replace(seconds=digit if state.seconds is None else state.seconds * 10 + digit)
        return State(Phase.START, seconds=digit, ended=state.ended)

    def _with_tenth(self, state: State, tenth: int) -> State:
        assert state.seconds is not None
        time = state.seconds * 10 + tenth
        if state.phase is Phase.START:
            return State(Phase.SEPARATOR, start=time, ended=state.ended)
        return State(Phase.CLOSED, start=state.start, ended=time, owes_words=self.task in CAPTIONED)

    def _continues_separator(self, state: State, token_id: int) -> bool:
        separator = self.vocabulary.separator_ids
        return state.matched < len(separator) and token_id == separator[state.matched]

    def ends_interval(self, state: State) -> bool:
        """Whether the time that is being written, or comes next, is the second one of an interval."""
        return state.phase is Phase.END or (state.phase is Phase.SEPARATOR and self._is_paired(state))

    def times(self, state: State) -> dict[int, list[range]]:
        """Return the times that each marker allowed next may lead to. Units: tenths."""
        low, high = self._range(state)
        before = 0 if state.seconds is None else state.seconds * 10
        found: dict[int, list[range]] = {}
        for token in filter(self.allowed_after(state).permits, self._continuations(state)):
            if token in self._offsets:
                time = before + self._offsets[token]
                found[token] = [range(time, time + 1)]
            else:
                found[token] = list(spans(before + self._anchors[token], low, high))
        return found

    def _is_paired(self, state: State) -> bool:
        return state.matched == len(self.vocabulary.separator_ids)

    def _range(self, state: State) -> tuple[int, int]:
        """Return the valid range of the current time. Units: tenths, both ends inclusive."""
        if self.ends_interval(state):
            return state.start + 1, self.duration
        return state.ended if self.task == "summarize" else 0, self._latest_start

    def _rest_of_time(self, seconds: int | None, low: int, high: int) -> tuple[int, list[int]]:
        """Return the earliest time that begins with these digits, and the ids that complete it."""
        time = smallest(seconds, low, high)
        assert time is not None  # every allowed digit leaves at least one valid time
        whole, tenth = divmod(time, 10)
        missing = str(whole)[0 if seconds is None else len(str(seconds)) :]
        return time, [self.vocabulary.anchor_ids[int(d)] for d in missing] + [self.vocabulary.offset_ids[tenth]]

    def allowed_after(self, state: State) -> Allowed:
        """Return the tokens that may come next, given a state from `advance`; see `allowed`."""
        known = self._allowed.get(state)
        if known is None:
            known = self._allowed[state] = self._compute_allowed(state)
        return known

    def _compute_allowed(self, state: State) -> Allowed:
        vocabulary = self.vocabulary
        if state.phase is Phase.OVER:
            return Allowed(only=frozenset({vocabulary.eos_id}), never=None)
        if state.phase is Phase.SEPARATOR and self.task != "ask":
            return Allowed(only=frozenset({vocabulary.separator_ids[state.matched]}), never=None)
        if state.phase in (Phase.START, Phase.END):
            return Allowed(only=self._continuations(state), never=None)
        never = set(vocabulary.marker_ids)
        if state.phase in (Phase.OPENING, Phase.TEXT) or (state.phase is Phase.SEPARATOR and state.matched > 0):
            never -= self._continuations(state)
        if state.phase is Phase.OPENING or state.owes_words:
            never.add(vocabulary.eos_id)
        return Allowed(only=None, never=frozenset(never))

    def _continuations(self, state: State) -> frozenset[int]:
        """Return the markers that continue the current time, or begin one."""
        low, high = self._range(state)
        if low > high:
            return frozenset()
        anchors = {self.vocabulary.anchor_ids[digit] for digit in next_digits(state.seconds, low, high)}
        offsets = {self.vocabulary.offset_ids[tenth] for tenth in next_tenths(state.seconds, low, high)}
        return frozenset(anchors | offsets)
