"""Score timelines of speech against a reference.

The paper reports "a mean Intersection over Union (mIoU) score" of summaries without a definition. Two readings are
implemented:

- `segment_iou` pairs segments one to one to maximise the sum of IoUs, and divides by the number of segments in the
  longer timeline: a missing or an extra segment costs as much as a wrong one.
- `cover_iou` is the set IoU of all time that the timelines cover. A gapless summary scores nearly 1, however it is
  divided; the paper's 94.2 may be this score.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from model.timeline.interval import set_iou
from training.metrics.grounding import Span, intervals_of


def segment_iou(reference: Sequence[Span], predicted: Sequence[Span]) -> float:
    """Return the mean IoU of segments paired one to one, 0 to 1; 1 where neither timeline has any."""
    if not reference and not predicted:
        return 1.0
    if not reference or not predicted:
        return 0.0
    ious = np.array([[a.iou(b) for b in intervals_of(predicted)] for a in intervals_of(reference)])
    rows, columns = linear_sum_assignment(ious, maximize=True)
    return float(ious[rows, columns].sum()) / max(ious.shape)


def cover_iou(reference: Sequence[Span], predicted: Sequence[Span]) -> float:
    """Return the time in both timelines over the time in either, 0 to 1."""
    return set_iou(intervals_of(reference), intervals_of(predicted))
