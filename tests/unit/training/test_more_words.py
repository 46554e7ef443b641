"""Words of all kinds: a caption is read as its own kind, a query belongs to one."""

from collections import Counter

import pytest

from training.data.more_words import GROUPS, MORE_WORDS, lexicon, wording
from training.data.words import WORDS
from training.metrics.captions import kind_of

KINDS = [*WORDS, *MORE_WORDS]
ESC_10, ESC_50_OTHERS, VOICES = 10, 39, 2


def test_there_are_words_for_every_kind_and_none_twice():
    assert (len(WORDS), len(MORE_WORDS)) == (ESC_10, ESC_50_OTHERS + VOICES)
    assert not set(WORDS) & set(MORE_WORDS)
    for kind, words in MORE_WORDS.items():
        assert (len(set(words.captions)), len(set(words.queries))) == (4, 8), kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_caption_is_read_as_its_kind_and_holds_no_word_of_another(kind):
    for caption in wording(kind).captions:
        assert [k for k, words in lexicon().items() if kind_of(caption, {k: words})] == [kind], caption
        assert kind_of(caption, lexicon()) == kind
        assert caption[0].isupper()
        assert caption.endswith(".")


@pytest.mark.parametrize("group", GROUPS)
def test_a_humble_caption_names_no_kind(group):
    assert [kind_of(caption, lexicon()) for caption in wording(group).captions] == [None] * 3
    assert wording(group).queries == GROUPS[group].queries


def test_every_kind_is_in_one_group_and_unsure_of_none_of_its_own():
    assert sorted(kind for group in GROUPS.values() for kind in group.kinds) == sorted(KINDS)
    for group in GROUPS.values():
        assert set(group.unsure) <= set(KINDS) - set(group.kinds)


def test_captions_and_queries_belong_to_one_kind_or_group():
    for said in ("captions", "queries"):
        count = Counter(s.lower() for kind in (*KINDS, *GROUPS) for s in getattr(wording(kind), said))
        assert not [s for s, times in count.items() if times > 1]


def test_an_unknown_kind_is_a_key_error():
    with pytest.raises(KeyError, match="airplane"):
        wording("airplane")
