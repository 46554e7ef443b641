"""The captions among which evidence chooses: those of the vocabulary and those of manifests."""

from collections.abc import Iterable

from model.known_captions import KnownCaptions
from training.data.manifest import Row
from training.data.vocabulary import unknown_captions, vocabulary
from training.metrics.captions import says_unknown

WEIGHT, FLOOR, UNKNOWN_SIMILARITY = 40.0, 0.2, 0.3
"""See `KnownCaptions`. Chosen on 60 scenes: docs/decisions/0047-evidence-in-captions.md."""


def known_captions(rows: Iterable[Row]) -> KnownCaptions:
    """Return the captions of all kinds and of the dense captions among `rows`, by kind or label.

    An event without a label is named by its caption.
    """
    captions = {_words(kind): list(wording.captions) for kind, wording in vocabulary().items()}
    for event in (event for row in rows if row.task == "dense_caption" for event in row.events):
        if event.caption and not says_unknown(event.caption):
            texts = captions.setdefault(_words(event.label or event.caption.rstrip(".")), [])
            if event.caption not in texts:
                texts.append(event.caption)
    named = {name: tuple(texts) for name, texts in captions.items()}
    return KnownCaptions(named, unknown_captions(), UNKNOWN_SIMILARITY, WEIGHT, FLOOR)


def _words(label: str) -> str:
    return label.replace("_", " ").lower()
