"""PSDS: an intersection-based detection score over all confidence thresholds.

It applies to systems that give each interval a confidence. The setting is DCASE's first scenario, which has no cost for
confusing classes (alpha is 0).

Source: Bilen et al. 2020, "A framework for the robust evaluation of sound event detection".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

DETECTION_TOLERANCE = 0.7
"""Share of a detection that the ground truth must cover."""
GROUND_TRUTH_TOLERANCE = 0.7
"""Share of an event that such detections must cover."""
MAX_FALSE_PER_HOUR = 100.0

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Detection:
    """One predicted interval of a class in a recording, in seconds, with its confidence."""

    recording: str
    label: str
    span: Span
    confidence: float


@dataclass(frozen=True, slots=True)
class Truth:
    """One true interval of a class in a recording, in seconds."""

    recording: str
    label: str
    span: Span


def psds(truths: Sequence[Truth], detections: Sequence[Detection], duration_s: float) -> float:
    """Return the area under the effective true-positive rate up to 100 false positives per hour, as a share, 0 to 1.

    The effective rate is the mean over the classes minus their standard deviation. Detections of classes without true
    intervals are left out, because those classes have no true-positive rate.
    """
    labels = sorted({truth.label for truth in truths})
    if not labels:
        return 0.0
    curves = [
        _curve([t for t in truths if t.label == label], [d for d in detections if d.label == label], duration_s)
        for label in labels
    ]
    edges = np.unique([0.0, MAX_FALSE_PER_HOUR, *[x for curve in curves for x, _ in curve]])
    edges = edges[edges <= MAX_FALSE_PER_HOUR]
    rates = np.array([[max([y for x, y in curve if x <= edge], default=0.0) for edge in edges] for curve in curves])
    effective = np.maximum(rates.mean(axis=0) - rates.std(axis=0), 0.0)
    return float((effective[:-1] * np.diff(edges)).sum() / MAX_FALSE_PER_HOUR)


def _curve(truths: Sequence[Truth], detections: Sequence[Detection], duration_s: float) -> list[tuple[float, float]]:
    """Return false positives per hour and the share of events found, at each threshold."""
    by_recording: dict[str, list[Truth]] = {}
    for truth in truths:
        by_recording.setdefault(truth.recording, []).append(truth)
    points = []
    good = {id(d): _is_detection(d, by_recording.get(d.recording, ())) for d in detections}
    for threshold in sorted({d.confidence for d in detections}, reverse=True):
        kept = [d for d in detections if d.confidence >= threshold]
        false = sum(not good[id(d)] for d in kept)
        right: dict[str, list[Span]] = {}
        for d in kept:
            if good[id(d)]:
                right.setdefault(d.recording, []).append(d.span)
        found = sum(_is_found(truth, right) for truth in truths)
        points.append((false * 3600.0 / duration_s, found / len(truths)))
    return points


def _is_detection(detection: Detection, truths: Sequence[Truth]) -> bool:
    shared = sum(_overlap(detection.span, truth.span) for truth in truths)
    return shared >= DETECTION_TOLERANCE * (detection.span[1] - detection.span[0]) - 1e-9


def _is_found(truth: Truth, right: Mapping[str, Sequence[Span]]) -> bool:
    shared = sum(_overlap(truth.span, span) for span in right.get(truth.recording, ()))
    return shared >= GROUND_TRUTH_TOLERANCE * (truth.span[1] - truth.span[0]) - 1e-9


def _overlap(a: Span, b: Span) -> float:
    return max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
