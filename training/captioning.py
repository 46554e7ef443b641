"""How well a checkpoint tells what it hears: its captions of a scene, each with what people would have written."""

import sys
from collections.abc import Mapping, Sequence

from model.timeline.event import Event
from model.timeline.interval import Interval
from training.data.paraphrases import paraphrases
from training.metrics.dense_captions import CaptionPair, caption_meteor, pair_captions
from training.metrics.text import MetricUnavailable


def scene_captions(events: Sequence[Event], present: Mapping[str, Sequence[Interval]]) -> tuple[CaptionPair, ...]:
    """Every caption of a scene with the paraphrases of the event that it tells of, for `caption_meteor`.

    Args:
        events: the dense captions of a scene.
        present: the true intervals of each kind. Kinds without paraphrases are known by no words: left out.
    """
    references = paraphrases()
    return tuple(
        pair_captions(
            [(event.caption, (i.start_s, i.end_s)) for event in events for i in event.intervals],
            [((i.start_s, i.end_s), references[k]) for k, found in present.items() if k in references for i in found],
        )
    )


def meteor_if_there(pairs: Sequence[CaptionPair]) -> float | None:
    """METEOR of the captions; None, with the reason on standard error, where it cannot run: the rest needs no Java."""
    try:
        return caption_meteor(pairs)
    except MetricUnavailable as error:
        print(error, file=sys.stderr)
        return None
