import json
import re
from collections import Counter
from pathlib import Path

import training.data.vocabulary as words
from training.metrics.captions import kind_of

KINDS = sorted(words.vocabulary())
FOLDER = Path(words.__file__).parent


def plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w\s]", "", text.casefold()).split())


def every_training_query() -> list[str]:
    """Of all kinds and of all groups."""
    wordings = [*words.vocabulary().values(), *words.groups().values()]
    return [query for wording in wordings for query in wording.queries]


def test_the_kinds_are_those_of_esc_50_and_speech_and_music() -> None:
    assert len(KINDS) == 52
    assert {"speech", "music"} < set(KINDS)
    assert set(KINDS) > words.TEN
    assert len(words.TEN) == 10
    assert words.UNKNOWN not in KINDS


def test_no_keyword_and_no_wording_is_shared() -> None:
    keywords = [keyword for of_kind in words.lexicon().values() for keyword in of_kind]
    assert max(Counter(keywords).values()) == 1
    assert all(keyword == keyword.casefold() for keyword in keywords)
    shared = [query for query, count in Counter(map(plain, every_training_query())).items() if count > 1]
    assert shared == []


def test_a_caption_holds_keywords_of_its_own_kind_alone() -> None:
    for kind in KINDS:
        captions = words.vocabulary()[kind].captions
        assert len(set(captions)) == 8
        for caption in captions:
            assert caption[0].isupper()
            assert caption.endswith(".")
            kinds = {other for other, keywords in words.lexicon().items() if kind_of(caption, {other: keywords})}
            assert kinds == {kind}, caption
            assert kind_of(caption, words.lexicon()) == kind


def test_a_kind_has_enough_queries_in_lower_case_without_a_full_stop() -> None:
    for kind in KINDS:
        queries = words.vocabulary()[kind].queries
        assert len(queries) >= 24
        for query in queries:
            assert query == query.casefold()
            assert query == query.strip()
            assert not query.endswith((".", "?"))


def test_groups_are_of_kinds_that_exist() -> None:
    for group in words.groups().values():
        assert group.kinds
        assert set(group.kinds) | set(group.unsure) <= set(KINDS)
        assert not set(group.kinds) & set(group.unsure)
        assert len(group.queries) >= 14


def test_held_out_wordings_are_not_among_those_of_training() -> None:
    held_out = words.held_out_wordings()
    assert sorted(held_out) == KINDS
    assert all(len(queries) >= 4 for queries in held_out.values())
    captions = [caption for wording in words.vocabulary().values() for caption in wording.captions]
    seen = {plain(text) for text in [*every_training_query(), *captions]}
    queries = [plain(query) for wordings in held_out.values() for query in wordings]
    assert len(queries) >= 210
    assert len(set(queries)) == len(queries)
    assert not seen.intersection(queries)


def test_captions_of_unknown_sounds_name_no_kind() -> None:
    captions = words.unknown_captions()
    assert len(set(captions)) == 12
    assert captions[0] == "An unidentified sound is heard."
    assert [caption for caption in captions if kind_of(caption, words.lexicon())] == []


def test_no_wording_has_a_digit() -> None:
    for path in FOLDER.glob("*.json"):
        if path.name not in ("labels.json", "synonyms.json"):  # neither is ever part of an answer
            assert not re.search(r"\d", path.read_text(encoding="utf-8")), path.name


def test_labels_mean_kinds_that_exist() -> None:
    labels = json.loads((FOLDER / "labels.json").read_text(encoding="utf-8"))
    assert set(labels.values()) <= {*KINDS, words.UNKNOWN, None}
    expected = {
        "snare_drum": "music",
        "dog": "dog",
        "coughing": "coughing",
        "owl": words.UNKNOWN,
        "traffic": None,
        "a label that no one has looked at": None,
    }
    assert {label: words.kind_of_label(label) for label in expected} == expected


def test_the_name_of_a_kind_means_that_kind() -> None:
    assert {kind: words.kind_of_label(kind) for kind in words.vocabulary()} == {
        kind: kind for kind in words.vocabulary()
    }
