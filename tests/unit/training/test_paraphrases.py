"""The captions that models are scored with are of every kind, and of none that they are trained with."""

import re

from training.data.more_words import GROUPS, MORE_WORDS, lexicon, wording
from training.data.paraphrases import paraphrases
from training.data.words import WORDS
from training.metrics.captions import kind_of


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def test_five_of_every_kind_and_all_different():
    assert set(paraphrases()) == set(WORDS) | set(MORE_WORDS)
    assert {len(captions) for captions in paraphrases().values()} == {5}
    told = [words(caption) for captions in paraphrases().values() for caption in captions]
    assert len(set(told)) == len(told)


def test_none_is_trained_on_whatever_its_spelling():
    trained = {
        words(said)
        for kind in (*WORDS, *MORE_WORDS, *GROUPS)
        for said in (*wording(kind).captions, *wording(kind).queries)
    }
    assert not trained & {words(caption) for captions in paraphrases().values() for caption in captions}


def test_none_is_read_as_another_kind():
    for kind, captions in paraphrases().items():
        for caption in captions:
            assert kind_of(caption, lexicon()) in (kind, None), caption
