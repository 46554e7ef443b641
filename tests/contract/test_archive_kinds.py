"""The kinds of `timeaudio find` are those of the training vocabulary."""

import re
from pathlib import Path

from timeaudio.archive.kinds import groups as copied_groups
from timeaudio.archive.kinds import kinds, mentioned_kind, normalised
from training.data.vocabulary import groups, lexicon, vocabulary
from training.data.vocabulary.__main__ import archive_kinds
from training.metrics.captions import kind_of

COPY = Path(__file__).parents[2] / "timeaudio" / "archive" / "kinds.json"


def test_the_copy_is_up_to_date() -> None:
    # Else: python -m training.data.vocabulary > timeaudio/archive/kinds.json
    assert COPY.read_text(encoding="utf-8") == archive_kinds()
    assert kinds().keys() == vocabulary().keys()


def test_a_pattern_matches_the_captions_of_its_kind_and_of_no_other() -> None:
    captions = [(name, caption) for name, wording in vocabulary().items() for caption in wording.captions]
    problems = [
        (kind, name, caption)
        for kind in vocabulary()
        for name, caption in captions
        if bool(re.search(kinds()[kind].pattern, caption.lower())) != (name == kind)
    ]
    assert problems == []
    assert {name for name, _ in captions} == vocabulary().keys()


def test_captions_and_queries_mention_the_kind_that_the_scores_say() -> None:
    texts = [text for wording in vocabulary().values() for text in (*wording.captions, *wording.queries)]
    for text in texts:
        if expected := kind_of(text, lexicon()):
            found = mentioned_kind(text)
            assert found is not None, text
            assert found.name == expected, text


def test_every_wording_of_a_group_means_its_kinds() -> None:
    for group in groups().values():
        assert all(copied_groups()[normalised(query)] == group.kinds for query in group.queries)
