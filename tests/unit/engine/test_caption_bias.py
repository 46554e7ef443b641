"""Evidence of what sounds in an interval shifts the words of its caption, and nothing else."""

import pytest
import torch

from model.engine.caption_bias import CaptionBias, CaptionTrie, Place
from model.engine.engine import SlotEngine
from model.language.decoding import Decoding
from model.timeline.grammar import START, Grammar, Phase
from model.timeline.interval import Interval
from tests.tiny_models import TIMED, answers, ask, prompt, tiny

DURATION = 60
COMMA, SECONDS, A, DOG, ROOSTER, STOP = 32, 33, 34, 35, 36, 37
DOG_BARKS, ROOSTER_CROWS = (SECONDS, COMMA, A, DOG, STOP), (SECONDS, COMMA, A, ROOSTER, STOP)
WEIGHT, FLOOR = 10.0, 0.2
FIRST, SECOND = Interval(3, 15), Interval(20, 41)


def bias(dog: float, rooster: float) -> CaptionBias:
    trie = CaptionTrie([(DOG_BARKS, 0), (ROOSTER_CROWS, 1)], num_announcing=2)
    return CaptionBias(trie, lambda parts: (dog, rooster), WEIGHT, FLOOR)


def ids_of(interval: Interval) -> list[int]:
    """Return the ids of an interval of less than ten seconds."""
    first, last = (
        [TIMED.anchor_ids[time // 10], TIMED.offset_ids[time % 10]] for time in (interval.start, interval.end)
    )
    return [*first, *TIMED.separator_ids, *last]


def place_after(captions: CaptionBias, ids: list[int]) -> Place:
    grammar, place, state = Grammar(TIMED, "dense_caption", DURATION), Place(), START
    for token in ids:
        before, state = state, grammar.advance(state, token)
        assert state.phase is not Phase.OVER
        place = captions.after(place, before, token, state)
    return place


def added(captions: CaptionBias, ids: list[int]) -> torch.Tensor:
    """Return what the bias adds to the next token's logits."""
    scores = torch.zeros(TIMED.size)
    captions.apply(scores, place_after(captions, ids))
    return scores


def test_a_caption_belongs_to_all_its_intervals_and_the_next_event_starts_anew():
    captions = bias(0.5, 0.1)
    ids = [*ids_of(FIRST), COMMA, *ids_of(SECOND), SECONDS, COMMA]
    assert place_after(captions, ids).intervals == (FIRST, SECOND)
    ids += [A, DOG, STOP, *ids_of(SECOND), SECONDS, COMMA]
    assert place_after(captions, ids).intervals == (SECOND,)


def test_the_word_that_fits_the_interval_gains_what_its_caption_is_more_similar():
    scores = added(bias(0.1, 0.6), [*ids_of(FIRST), SECONDS, COMMA, A])
    assert scores[ROOSTER] == pytest.approx(0.0)
    assert scores[DOG] == pytest.approx(WEIGHT * (FLOOR - 0.6)), "other text may still follow a dog"
    assert scores[STOP] == pytest.approx(WEIGHT * (FLOOR - 0.6))


@pytest.mark.parametrize("words", [(A, DOG, STOP), (A, ROOSTER, STOP), (DOG,), (A, STOP)])
def test_along_a_caption_the_additions_are_its_similarity_less_the_best(words):
    captions, ids, total = bias(0.3, 0.6), [*ids_of(FIRST), SECONDS, COMMA], 0.0
    for word in words:
        total += float(added(captions, ids)[word])
        ids.append(word)
    similarity = {(A, DOG, STOP): 0.3, (A, ROOSTER, STOP): 0.6}.get(words, FLOOR)
    assert total == pytest.approx(WEIGHT * (similarity - 0.6), abs=1e-5)


def test_no_caption_is_worse_than_other_text():
    captions = bias(0.1, -0.3)
    for words in ([], [A], [A, DOG]):
        assert not added(captions, [*ids_of(FIRST), SECONDS, COMMA, *words]).any()


@pytest.mark.parametrize(
    "ids",
    [[], ids_of(FIRST), [*ids_of(FIRST), SECONDS], [*ids_of(FIRST), SECONDS, COMMA, *DOG_BARKS[2:]]],
    ids=["at the beginning", "after an interval", "before a caption", "after a caption"],
)
def test_only_the_words_of_captions_are_weighed(ids):
    assert not added(bias(0.1, 0.6), ids).any()


def test_without_evidence_the_language_model_chooses():
    trie = CaptionTrie([(DOG_BARKS, 0)], num_announcing=2)
    assert not added(CaptionBias(trie, lambda parts: None, WEIGHT, FLOOR), [*ids_of(FIRST), SECONDS, COMMA]).any()


@pytest.mark.parametrize(("dog", "rooster", "expected"), [(0.9, 0.1, DOG), (0.1, 0.9, ROOSTER)])
def test_a_model_without_an_opinion_follows_the_evidence(dog, rooster, expected):
    engine = SlotEngine(tiny(seed=1, vocab_size=40), num_slots=2, length=128)
    grammar = Grammar(TIMED, "dense_caption", DURATION)
    trie = CaptionTrie([((A, DOG, STOP), 0), ((A, ROOSTER, STOP), 1)], num_announcing=0)
    sequences = [ask(engine, prompt(9, seed), Decoding(max_new_tokens=40), grammar) for seed in (1, 4)]
    for sequence in sequences:
        sequence.search.captions = CaptionBias(trie, lambda parts: (dog, rooster), 100.0, FLOOR)
    for ids in answers(engine, sequences):
        states = [START]
        for token in ids:
            states.append(grammar.advance(states[-1], token))
        # An answer that is cut may end with an interval.
        closed = [at for at, state in enumerate(states[: len(ids) - 2]) if state.phase is Phase.CLOSED]
        assert [tuple(ids[at : at + 3]) for at in closed] == [(A, expected, STOP)] * len(closed)
        assert closed
