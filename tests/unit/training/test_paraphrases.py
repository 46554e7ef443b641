"""The captions that models are scored with are of every kind, and of none that they are trained with."""

import re

from training.data.paraphrases import paraphrases
from training.data.vocabulary import groups, held_out_wordings, lexicon, unknown_captions, vocabulary
from training.metrics.captions import kind_of


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def test_five_of_every_kind_and_all_different():
    assert set(paraphrases()) == set(vocabulary())
    assert {len(captions) for captions in paraphrases().values()} == {5}
    texts = [words(caption) for captions in paraphrases().values() for caption in captions]
    assert len(set(texts)) == len(texts)


def test_no_paraphrase_is_a_training_text():
    wordings = [*vocabulary().values(), *groups().values()]
    trained = {words(query) for wording in wordings for query in wording.queries}
    trained |= {words(caption) for wording in vocabulary().values() for caption in wording.captions}
    trained |= {words(caption) for caption in unknown_captions()}
    held_out = {words(query) for queries in held_out_wordings().values() for query in queries}
    assert not (trained | held_out) & {words(caption) for captions in paraphrases().values() for caption in captions}


def test_none_is_read_as_another_kind():
    for kind, captions in paraphrases().items():
        for caption in captions:
            assert kind_of(caption, lexicon()) in (kind, None), caption
