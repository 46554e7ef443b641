"""The rows of each ablation."""

from dataclasses import dataclass

from training.stages import MERGE_SCORES


@dataclass(frozen=True, slots=True)
class Variant:
    """A row: its name, the stage settings that it changes, and how it decodes."""

    name: str
    settings: tuple[str, ...] = ()
    grammar: bool = True
    windows: bool = False


_PLAIN, _RANDOM, _OURS = 'markers = "none"', 'markers = "random"', 'markers = "initialised"'
_NO_CLOCK, _NO_MERGING = "time_encoding = false", "merging = false"
SETS: dict[str, tuple[Variant, ...]] = {
    "components": (
        Variant("neither", (_PLAIN, _NO_CLOCK, _NO_MERGING), grammar=False),
        Variant("+ markers (not initialised)", (_RANDOM, _NO_CLOCK, _NO_MERGING)),
        Variant("+ markers", (_OURS, _NO_CLOCK, _NO_MERGING)),
        Variant("+ time encoding", (_PLAIN, _NO_MERGING), grammar=False),
        Variant("+ markers + time encoding", (_OURS, _NO_MERGING)),
        Variant("+ markers + time encoding + merging", (_OURS,)),
    ),
    "ratio": tuple(
        Variant(f"ratio {r:.2f}", (f"retained_ratio = {r:.2f}",)) for r in (0.10, 0.15, 0.20, 0.25, 0.30)
    ),
    "merge-score": tuple(
        Variant(f"score: {s}", (f'merge_score = "{s}"',)) for s in MERGE_SCORES
    ),
    "options": (
        Variant("the paper's loss"),
        Variant("time weight 5", ("time_weight = 5.0",)),
        Variant("digit distance 1", ("digit_weight = 1.0",)),
        Variant("both", ("time_weight = 5.0", "digit_weight = 1.0")),
        Variant("presence weight 6", ("presence_weight = 6.0",)),
        Variant("no absent queries", ("absent_queries = false",)),
        Variant("a time every 5 s among the audio tokens", ("anchor_seconds = 5",)),
    ),
    "decoding": (
        Variant("one pass, grammar"),
        Variant("one pass, no grammar", grammar=False),
        Variant("windows of 30 s, grammar", windows=True),
    ),
}  # fmt: skip
