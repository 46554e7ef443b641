"""Pair a checkpoint's captions of a scene with reference captions, and score them with METEOR."""

import sys
from collections.abc import Mapping, Sequence

from model.timeline.event import Event
from model.timeline.interval import Interval
from training.data.paraphrases import paraphrases
from training.metrics.dense_captions import CaptionPair, caption_meteor, pair_captions
from training.metrics.text import MetricUnavailable


def scene_captions(events: Sequence[Event], present: Mapping[str, Sequence[Interval]]) -> tuple[CaptionPair, ...]:
    """Pair every caption of a scene with the paraphrases of the event it describes, for `caption_meteor`.

    Args:
        events: the dense captions of a scene.
        present: the true intervals of each kind. Kinds without paraphrases are left out.
    """
    references = paraphrases()
    return tuple(
        pair_captions(
            [(event.caption, (i.start_s, i.end_s)) for event in events for i in event.intervals],
            [((i.start_s, i.end_s), references[k]) for k, found in present.items() if k in references for i in found],
        )
    )


def meteor_if_available(pairs: Sequence[CaptionPair]) -> float | None:
    """Return METEOR of the captions. Without Java, print the reason to standard error and return None."""
    try:
        return caption_meteor(pairs)
    except MetricUnavailable as error:
        print(error, file=sys.stderr)
        return None
