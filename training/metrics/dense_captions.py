"""METEOR of dense captions: the caption quality of localised events, with several references each.

This follows the scoring of ActivityNet Captions (Krishna et al. 2017, "Dense-captioning events in videos"), but with
one IoU threshold instead of the mean over four, and with one partner for each interval instead of all that fit:

* Every interval of an answer is paired with the true interval of greatest IoU, of any kind, if the IoU is at least 0.5.
  Its caption is scored against all references of that interval: "a dog" where a cat meows scores little.
* An interval without a partner is scored against a word that no caption contains, and so scores 0.
* Missed true intervals do not lower the score. Event F1 and At-F1, reported beside it, count those.
"""

from collections.abc import Sequence

from training.metrics.grounding import ScoredGrounding, Span
from training.metrics.text import Meteor

MIN_IOU = 0.5
UNMATCHABLE_WORD = "qxzvkjw"
"""A word that METEOR's stems, synonyms and paraphrases do not contain."""

CaptionPair = tuple[str, Sequence[str]]
"""A caption of an answer, and the references of the event that it describes; empty where there is no such event."""


def pair_captions(
    predicted: Sequence[tuple[str, Span]], reference: Sequence[tuple[Span, Sequence[str]]]
) -> list[CaptionPair]:
    """Pair the captions of one recording's answer, one per interval, with their references. Units: seconds."""
    return [(caption, _references(span, reference)) for caption, span in predicted]


def _references(span: Span, reference: Sequence[tuple[Span, Sequence[str]]]) -> Sequence[str]:
    ious = [ScoredGrounding((true,), (span,)).iou for true, _ in reference]
    best = max(ious, default=0.0)
    return reference[ious.index(best)][1] if best >= MIN_IOU else ()


def caption_meteor(pairs: Sequence[CaptionPair]) -> float:
    """Return METEOR 1.5 of all captions together, 0 to 1, each against its nearest reference.

    This is the corpus score, from summed statistics, as COCO's and ActivityNet's programs report it.

    Raises:
        MetricUnavailable: Java or the package `pycocoevalcap` is missing.
    """
    with Meteor() as meteor:
        return meteor.score(
            [meteor.statistics(references or UNMATCHABLE_WORD, caption) for caption, references in pairs]
        )
