"""Score sets of events: event-based, segment-based and clip-level F1.

Source: Mesaros, Heittola, Virtanen, "Metrics for polyphonic sound event detection", 2016; paper, appendix C, calls
the first "Eb" and the last "At".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

# Times are compared as whole microseconds, so that 0.3 - 0.1 is exactly 0.2; one sample is 62.5 of them.
MICROSECONDS: Final = 1_000_000
COLLAR: Final = MICROSECONDS // 5  # 0.2 s


@dataclass(frozen=True, slots=True)
class Sound:
    """One interval of an event of one kind; an event with several intervals is several of these.

    `kind` is None where a caption names no known kind: it matches nothing, but still counts as a prediction.

    Units: seconds.
    Raises:
        ValueError: unless 0 <= start < end.
    """

    kind: str | None
    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        if not 0 <= self.start_s < self.end_s:
            raise ValueError(f"A sound needs 0 <= start < end; got {self.start_s} and {self.end_s} s.")


@dataclass(frozen=True, slots=True)
class ScoredScene:
    """The true and the predicted sounds of one recording."""

    reference: tuple[Sound, ...]
    predicted: tuple[Sound, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of correct, reference and predicted items. Counts of scenes add up."""

    num_correct: int = 0
    num_reference: int = 0
    num_predicted: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.num_correct + other.num_correct,
            self.num_reference + other.num_reference,
            self.num_predicted + other.num_predicted,
        )

    @property
    def precision(self) -> float:
        """Correct items among the predicted ones; 0.0 without predictions."""
        return self.num_correct / self.num_predicted if self.num_predicted else 0.0

    @property
    def recall(self) -> float:
        """Correct items among the references; 0.0 without references."""
        return self.num_correct / self.num_reference if self.num_reference else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall; 0.0 without references and predictions."""
        either = self.num_reference + self.num_predicted
        return 2 * self.num_correct / either if either else 0.0


def total(counts: Iterable[Counts]) -> Counts:
    """Return the sum, whose F1 is the micro average."""
    return sum(counts, Counts())


def event_counts(scene: ScoredScene) -> Counts:
    """Count the events found in one scene, using each predicted event for at most one reference.

    Events match if the kinds are equal, the starts at most 0.2 s apart and the ends at most max(0.2 s, 20 % of the
    reference's length) apart, bounds included. The largest matching counts: greedy matching can leave an event without
    its only partner.
    """
    if not scene.reference or not scene.predicted:
        return Counts(0, len(scene.reference), len(scene.predicted))
    fits = np.array([[_is_match(reference, found) for found in scene.predicted] for reference in scene.reference])
    rows, columns = linear_sum_assignment(fits, maximize=True)
    return Counts(int(fits[rows, columns].sum()), len(scene.reference), len(scene.predicted))


def segment_counts(scene: ScoredScene) -> Counts:
    """Count the seconds of one scene in which a kind was found. A kind is active in [n, n + 1) if a sound overlaps it.

    Several sounds of one kind in one second count once. Sounds of no known kind count as one more kind.
    """
    reference, found = _active_seconds(scene.reference), _active_seconds(scene.predicted)
    correct = {active for active in reference & found if active[0] is not None}
    return Counts(len(correct), len(reference), len(found))


def clip_counts(scenes: Sequence[ScoredScene], kinds: Sequence[str]) -> dict[str, Counts]:
    """Count, for each kind, the scenes that have it, the scenes predicted to have it, and the scenes in both groups.

    Predictions of other kinds are left out, because the macro average does not include them.

    Raises:
        ValueError: a reference is of a kind that is not in the list, so no score would cover it.
    """
    reference_kinds = [{sound.kind for sound in scene.reference} for scene in scenes]
    found = [{sound.kind for sound in scene.predicted} for scene in scenes]
    unknown = set().union(*reference_kinds) - set(kinds)
    if unknown:
        raise ValueError(f"References of kinds that are not scored: {', '.join(sorted(map(str, unknown)))}.")
    return {
        kind: Counts(
            sum(kind in a and kind in b for a, b in zip(reference_kinds, found, strict=True)),
            sum(kind in a for a in reference_kinds),
            sum(kind in b for b in found),
        )
        for kind in kinds
    }


def clip_macro_f1(scenes: Sequence[ScoredScene], kinds: Sequence[str]) -> float:
    """Return the mean over kinds of the F1 of "this scene has this kind" ("At"): every kind has the same weight.

    A kind that no scene has and no answer names has no F1 and is left out of the mean. Without any kind, return 0.0.

    Raises:
        ValueError: a reference is of a kind that is not in the list.
    """
    scores = [c.f1 for c in clip_counts(scenes, kinds).values() if c.num_reference or c.num_predicted]
    return sum(scores) / len(scores) if scores else 0.0


def _is_match(reference: Sound, found: Sound) -> bool:
    if reference.kind is None or reference.kind != found.kind:
        return False
    start, end = _microseconds(reference.start_s), _microseconds(reference.end_s)
    late_start = abs(_microseconds(found.start_s) - start)
    late_end = abs(_microseconds(found.end_s) - end)
    return late_start <= COLLAR and (late_end <= COLLAR or 5 * late_end <= end - start)


def _active_seconds(sounds: Iterable[Sound]) -> set[tuple[str | None, int]]:
    return {
        (sound.kind, second)
        for sound in sounds
        for second in range(
            _microseconds(sound.start_s) // MICROSECONDS, -(-_microseconds(sound.end_s) // MICROSECONDS)
        )
    }


def _microseconds(seconds: float) -> int:
    return round(seconds * MICROSECONDS)
