"""Measure how good a calibration is, per task, and show it as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from model.confidence import Calibration, Features
from model.timeline.task import Task
from training.metrics.calibration import CalibrationSample, expected_calibration_error

TASKS: tuple[Task, ...] = ("dense_caption", "ground", "ask")


@dataclass(frozen=True, slots=True)
class ScoredInterval:
    """One interval of an answer, and whether it was right."""

    task: Task
    features: Features
    is_right: bool


@dataclass(frozen=True, slots=True)
class CalibrationQuality:
    """The quality of a calibration on some intervals; `raw_ece` is for the mean probability of the times alone."""

    task: str
    intervals: int
    right: float
    mean: float
    raw_ece: float | None
    ece: float | None
    auc: float | None
    confident: int = 0
    confident_right: float | None = None


def measure(calibration: Calibration, scored: Sequence[ScoredInterval]) -> list[CalibrationQuality]:
    """Return one row per task, and one for all tasks together."""
    rows = []
    for name, chosen in (*((task, [t for t in scored if t.task == task]) for task in TASKS), ("all", list(scored))):
        known = [(calibration.tasks[t.task](t.features), t) for t in chosen if t.task in calibration.tasks]
        if known:
            confidence, right = np.array([p for p, _ in known]), np.array([t.is_right for _, t in known])
            high = right[confidence >= 0.7]
            rows.append(
                CalibrationQuality(
                    name,
                    len(known),
                    float(right.mean()),
                    float(confidence.mean()),
                    expected_calibration_error([CalibrationSample(_raw(t.features), t.is_right) for _, t in known]),
                    expected_calibration_error([CalibrationSample(p, t.is_right) for p, t in known]),
                    _auc(confidence, right),
                    len(high),
                    float(high.mean()) if len(high) else None,
                )
            )
    return rows


def _raw(features: Features) -> float:
    return float(np.exp((features.start + features.end) / 2))


def _auc(confidence: "np.ndarray[Any, Any]", right: "np.ndarray[Any, Any]") -> float | None:
    """Return how often a right interval has a higher confidence than a wrong one; ties count half."""
    ours, others = confidence[right], confidence[~right]
    if not len(ours) or not len(others):
        return None
    return float(((ours[:, None] > others) + 0.5 * (ours[:, None] == others)).mean())


def show_quality(rows: Sequence[CalibrationQuality], num_fitted: int) -> None:
    """Print one row per task."""
    table = Table(title=f"Fitted on {num_fitted} intervals; measured on other sources")
    for column in ("task", "intervals", "right %", "mean confidence %", "raw ECE", "ECE", "AUC", ">= 0.7", "right %"):
        table.add_column(column, justify="left" if column == "task" else "right")
    for row in rows:
        numbers = (f"{v:.3f}" if v is not None else "-" for v in (row.raw_ece, row.ece, row.auc))
        high = "-" if row.confident_right is None else f"{100 * row.confident_right:.1f}"
        table.add_row(
            row.task, str(row.intervals), f"{100 * row.right:.1f}", f"{100 * row.mean:.1f}", *numbers,
            str(row.confident), high,
        )  # fmt: skip
    Console().print(table)
