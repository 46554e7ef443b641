"""Report a checkpoint's scores on composed scenes, as JSON and as a table."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from training.data.vocabulary import vocabulary
from training.metrics.bootstrap import Estimate, bootstrap
from training.metrics.calibration import CalibrationSample, expected_calibration_error
from training.metrics.dense_captions import CaptionPair
from training.metrics.events import Counts, ScoredScene, clip_counts, clip_macro_f1, event_counts, total
from training.metrics.grounding import GroundingScores, ScoredGrounding, score_grounding

CONFIDENT = 0.7


@dataclass(frozen=True, slots=True)
class SceneResult:
    """The scored answers of one scene: the dense captions, one present and one absent query."""

    captions: ScoredScene
    groundings: tuple[ScoredGrounding, ...] = ()
    num_unreadable: int = 0
    num_outside: int = 0
    seconds: float = 0.0
    caption_pairs: tuple[CaptionPair, ...] = ()
    calibration_samples: tuple[CalibrationSample, ...] = ()


@dataclass(frozen=True, slots=True)
class SceneReport:
    """The scores of a checkpoint, as shares from 0 to 1."""

    results: tuple[SceneResult, ...]
    setting: dict[str, Any]
    kinds: tuple[str, ...] = tuple(vocabulary())
    meteor: float | None = None

    @property
    def event_f1(self) -> Estimate:
        """Micro event F1 with its bootstrap interval over scenes."""
        counts = [event_counts(r.captions) for r in self.results]
        return bootstrap(counts, lambda rows: total(rows).f1)

    @property
    def clip_f1(self) -> Estimate:
        """Clip-level macro F1 over the kinds ("At")."""
        scenes = [r.captions for r in self.results]
        return bootstrap(scenes, lambda r: clip_macro_f1(r, self.kinds), num_resamples=200)

    @property
    def num_never_named(self) -> int:
        """The number of kinds that occur in the scenes but that no answer names correctly."""
        return sum(1 for _, clips in self.by_kind().values() if clips.num_reference and not clips.num_correct)

    @property
    def calibration_samples(self) -> list[CalibrationSample]:
        """Every named interval of the dense captions that has a confidence."""
        return [sample for result in self.results for sample in result.calibration_samples]

    @property
    def confident(self) -> list[CalibrationSample]:
        """The intervals with a confidence of 0.7 or more."""
        return [sample for sample in self.calibration_samples if sample.confidence >= CONFIDENT]

    @property
    def confident_right(self) -> float | None:
        """The share of confident intervals that are right; None without any."""
        return sum(c.is_right for c in self.confident) / len(self.confident) if self.confident else None

    @property
    def grounding(self) -> GroundingScores:
        """The grounding scores over all queries."""
        return score_grounding([g for r in self.results for g in r.groundings])

    def by_kind(self) -> dict[str, tuple[Counts, Counts]]:
        """Return the event counts and the clip counts of each kind."""
        clips = clip_counts([r.captions for r in self.results], self.kinds)

        def only_kind(scene: ScoredScene, kind: str) -> ScoredScene:
            return ScoredScene(
                tuple(s for s in scene.reference if s.kind == kind),
                tuple(s for s in scene.predicted if s.kind == kind),
            )

        return {
            kind: (total(event_counts(only_kind(r.captions, kind)) for r in self.results), clips[kind])
            for kind in self.kinds
        }

    def to_json(self) -> dict[str, Any]:
        """Return all printed scores and the setting that reproduces them."""
        event, clip, grounding = self.event_f1, self.clip_f1, self.grounding
        return {
            "setting": self.setting,
            "event_f1": {"value": event.value, "low": event.low, "high": event.high},
            "clip_macro_f1": {"value": clip.value, "low": clip.low, "high": clip.high},
            "kinds_never_named": self.num_never_named,
            "confidence": {
                "ece": expected_calibration_error(self.calibration_samples),
                "num_claims": len(self.calibration_samples),
                "right_at_0.7": self.confident_right,
                "num_at_0.7": len(self.confident),
            },
            "meteor": self.meteor,
            "grounding": {
                "recall_50": grounding.recall_50,
                "recall_70": grounding.recall_70,
                "recall_90": grounding.recall_90,
                "mean_recall": grounding.mean_recall,
                "miou": grounding.miou,
                "present_answered": grounding.present_accuracy,
                "absent_recognised": grounding.absent_accuracy,
                "num_present": grounding.num_present,
                "num_absent": grounding.num_absent,
            },
            "unreadable_answers": sum(r.num_unreadable for r in self.results),
            "intervals_outside": sum(r.num_outside for r in self.results),
            "median_seconds": float(np.median([r.seconds for r in self.results])),
            "kinds": {
                kind: {"event_f1": events.f1, "clip_f1": clips.f1, "num_events": events.num_reference}
                for kind, (events, clips) in self.by_kind().items()
            },
        }


def show(report: SceneReport, console: Console) -> None:
    """Print the scores as tables."""
    event, clip, grounding = report.event_f1, report.clip_f1, report.grounding
    s = report.setting
    lengths = ", ".join(f"{seconds:g}" for seconds in s["seconds"])
    scores = Table(title=f"{s['model']}: {s['scenes']} scenes of {lengths} s, from held-out recordings")
    scores.add_column("score")
    scores.add_column("%", justify="right")
    scores.add_column("95 % interval", justify="right")
    for name, value in (("event F1, micro (Eb)", event), ("clip-level macro F1 (At)", clip)):
        scores.add_row(name, f"{100 * value.value:.1f}", f"{100 * value.low:.1f} - {100 * value.high:.1f}")
    for name, share in (
        ("intervals with confidence of 0.7 or more that are right", report.confident_right),
        ("ECE of intervals' confidence", expected_calibration_error(report.calibration_samples)),
        ("METEOR 1.5 of captions, five paraphrases each", report.meteor),
        ("grounding R@0.5", grounding.recall_50),
        ("grounding R@0.7", grounding.recall_70),
        ("grounding R@0.9", grounding.recall_90),
        ("grounding mean recall (the paper's 'mIoU')", grounding.mean_recall),
        ("grounding true mIoU (set IoU)", grounding.miou),
        ("absent queries answered 'absent'", grounding.absent_accuracy),
    ):
        scores.add_row(name, "-" if share is None else f"{100 * share:.1f}", "")
    scores.add_row("kinds never named correctly", str(report.num_never_named), "count")
    scores.add_row("unreadable answers", str(sum(r.num_unreadable for r in report.results)), "count")
    scores.add_row("intervals outside the audio", str(sum(r.num_outside for r in report.results)), "count")
    console.print(scores)
    kinds = Table(title="By kind")
    for column in ("kind", "events", "event F1", "clip F1"):
        kinds.add_column(column, justify="left" if column == "kind" else "right")
    for kind, (events, clips) in report.by_kind().items():
        kinds.add_row(kind, str(events.num_reference), f"{100 * events.f1:.1f}", f"{100 * clips.f1:.1f}")
    console.print(kinds)
