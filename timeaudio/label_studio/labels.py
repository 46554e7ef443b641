"""Which label of a project an event gets, and which labels are looked for as queries."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from timeaudio.archive.kinds import mentioned_kind, words_of
from timeaudio.archive.matching import Meaning, QueryError, meanings
from timeaudio.label_studio.label_config import ProjectLabel

ANY_EVENT: Final = "event"
"""The label for events that fit no other; the output format `label-studio` uses it too."""

_OF_OTHER_TASKS: Final = frozenset({"query", "segment", "answer"})
"""The other labels of that format, which name no sounds."""


@dataclass(frozen=True, slots=True)
class _Known:
    label: ProjectLabel
    readings: tuple[Meaning, ...]

    @property
    def kinds(self) -> set[str]:
        return {kind for reading in self.readings for kind in reading.kinds}

    def matches(self, caption: str) -> bool:
        return any(reading.matches(caption) for reading in self.readings)


class LabelMatcher:
    """Matches captions with the labels of a project, as `timeaudio find` matches them with a query."""

    def __init__(self, labels: Iterable[ProjectLabel]) -> None:
        named = {label.value.strip().lower(): label for label in reversed(tuple(labels))}
        self._any = named.pop(ANY_EVENT, None)
        sounds = [label for name, label in reversed(named.items()) if name not in _OF_OTHER_TASKS]
        self._known = [_Known(label, _readings(label)) for label in sounds]

    def fitting(self, caption: str) -> ProjectLabel | None:
        """Return the label of a caption, or None.

        If several match: the one with the kind that the caption mentions most, then the most specific, then the first.
        """
        main = mentioned_kind(caption)
        matching = [known for known in self._known if known.matches(caption)]
        best = min(
            matching,
            key=lambda known: (main is None or main.name not in known.kinds, len(known.kinds)),
            default=None,
        )
        return self._any if best is None else best.label

    def queries(self, captions: Iterable[str]) -> list[tuple[str, ProjectLabel]]:
        """Return the labels that fit no kind of sound and no caption, each after its query."""
        found = list(captions)
        return [
            (" ".join(words_of(known.label.names[0])), known.label)
            for known in self._known
            if known.readings and not known.kinds and not any(map(known.matches, found))
        ]


def _readings(label: ProjectLabel) -> tuple[Meaning, ...]:
    """Return the first reading of each of the label's names that has words."""
    readings = []
    for name in label.names:
        try:
            readings.append(next(meanings(name)))
        except QueryError:
            continue
    return tuple(readings)
