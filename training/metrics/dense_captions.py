"""METEOR of dense captions: how well events are told where they were found, against several references each.

As dense captioning is scored since ActivityNet Captions (Krishna et al. 2017, "Dense-captioning events in videos"), at
one threshold of IoU instead of the mean over four, and with one partner for each interval instead of all that fit:

* Every interval of an answer is paired with the true interval of greatest IoU, of whatever kind, where that is 0.5 or
  more. Its caption is scored against all references of that one: who tells of a dog where a cat meows scores little.
* One without a partner is scored against a word that nobody says, and so gets nothing.
* True intervals that were not found lower nothing. Event F1 and At-F1, beside which it is told, count those.
"""

from collections.abc import Sequence

from training.metrics.grounding import Grounding
from training.metrics.text import Meteor

MIN_IOU = 0.5
NOBODY_SAYS = "qxzvkjw"
"""Of no letters in a row that METEOR's stems, synonyms and paraphrases know."""

Span = tuple[float, float]
CaptionPair = tuple[str, Sequence[str]]
"""A caption of an answer, and the references of the event that it tells of; none where there is no such event."""


def pair_captions(
    predicted: Sequence[tuple[str, Span]], reference: Sequence[tuple[Span, Sequence[str]]]
) -> list[CaptionPair]:
    """The captions of one recording's answer, one for each interval, with their references. Units: seconds."""
    return [(caption, _references(span, reference)) for caption, span in predicted]


def _references(span: Span, reference: Sequence[tuple[Span, Sequence[str]]]) -> Sequence[str]:
    ious = [Grounding((true,), (span,)).iou for true, _ in reference]
    best = max(ious, default=0.0)
    return reference[ious.index(best)][1] if best >= MIN_IOU else ()


def caption_meteor(pairs: Sequence[CaptionPair]) -> float:
    """METEOR 1.5 of all captions together, 0 to 1, each against the reference that it is nearest to.

    It is the corpus' score, of added statistics, as COCO's and ActivityNet's programs report it.

    Raises:
        MetricUnavailable: Java or the package `pycocoevalcap` is missing.
    """
    with Meteor() as meteor:
        return meteor.score([meteor.statistics(due or NOBODY_SAYS, said) for said, due in pairs])
