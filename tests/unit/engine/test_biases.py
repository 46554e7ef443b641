"""Evidence shifts the choice of times, and nothing else."""

import pytest
import torch

from model.engine.biases import TimeBias
from model.engine.engine import SlotEngine
from model.engine.interval_weights import IntervalWeights
from model.engine.masks import GrammarMasks
from model.engine.sampling import restricted
from model.engine.sequence import Prefix, Sequence
from model.language.decoding import Decoding
from model.presence import Continuation
from model.timeline.grammar import Grammar, Phase, State
from tests.tiny_models import TIMED, answers, ask, prompt, tiny

DURATION = 60
LATE = IntervalWeights([-40.0] * 40 + [40.0] * 20)
WORD = next(token for token in range(TIMED.size) if token not in Grammar(TIMED, "ground", DURATION).special)


def scores_of(sequence: Sequence) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the probabilities of the next token without and with the bias of times."""
    masks = GrammarMasks(TIMED.size, 8, device=torch.device("cpu"))
    logits = torch.randn(1, sequence.width, TIMED.size, generator=torch.Generator().manual_seed(0))
    bias, sequence.search.times = sequence.search.times, None
    before = restricted([sequence], logits, masks).softmax(dim=2)
    sequence.search.times = bias
    return before[0], restricted([sequence], logits, masks).softmax(dim=2)[0]


def test_the_choice_between_a_time_and_a_word_is_the_language_models():
    times = sorted(TIMED.anchor_ids)
    words = [token for token in range(TIMED.size) if token not in times]
    for num_beams in (1, 3):
        grammar, decoding = Grammar(TIMED, "ground", DURATION), Decoding(num_beams=num_beams)
        prefix, own = Prefix(torch.zeros(1, 8)), torch.zeros(1, 8)
        sequence = Sequence(prefix, own, decoding, grammar, frozenset({TIMED.eos_id}))
        sequence.search.times = TimeBias(LATE)
        before, after = scores_of(sequence)
        assert torch.allclose(before[:, words], after[:, words], atol=1e-6)
        assert torch.allclose(before[:, times].sum(dim=1), after[:, times].sum(dim=1), atol=1e-6)
        assert (after[:, list(TIMED.anchor_ids[4:6])].sum(dim=1) > 0.9 * after[:, times].sum(dim=1)).all()


def test_times_are_weighed_only_in_answers_with_such_an_opening():
    weighed = {}
    for openings in ((), (WORD,), (WORD + 1,)):
        sequence = Sequence(
            Prefix(torch.zeros(1, 8)), torch.zeros(1, 8), Decoding(), Grammar(TIMED, "ask", DURATION), frozenset()
        )
        sequence.search.times = TimeBias(LATE, openings)
        assert sequence.search.take(WORD, 0.0, 0.0) is None
        before, after = scores_of(sequence)
        weighed[openings] = not torch.allclose(before, after, atol=1e-6)
    assert weighed == {(): True, (WORD,): True, (WORD + 1,): False}


def test_a_model_without_an_opinion_follows_the_evidence():
    engine = SlotEngine(tiny(seed=1, vocab_size=40), num_slots=2, length=128)
    expected = [TIMED.anchor_ids[4], TIMED.offset_ids[0], TIMED.anchor_ids[5], TIMED.offset_ids[2]]
    for num_beams in (1, 2):
        grammar, decoding = Grammar(TIMED, "ground", DURATION), Decoding(max_new_tokens=30, num_beams=num_beams)
        sequences = [ask(engine, prompt(9, seed), decoding, grammar) for seed in (1, 4)]
        for sequence in sequences:
            sequence.search.times = TimeBias(IntervalWeights([-40.0] * 40 + [40.0] * 12 + [-40.0] * 8))
        for ids in answers(engine, sequences):
            assert [token for token in ids if token in TIMED.marker_ids][:4] == expected


def continued(best: float) -> TimeBias:
    """Return a bias of times with a last stretch of this weight, in which another interval follows if it is above 0."""
    weights = IntervalWeights([-1.0] * 40 + [best / 20] * 20)
    return TimeBias(weights, another=Continuation(0.0, 1.0, 100.0, WORD))


def test_the_best_interval_that_is_left_decides_whether_another_follows():
    grammar = Grammar(TIMED, "ground", DURATION)
    for best, expected in ((8.0, 1.0), (-8.0, 0.0)):
        scores = torch.zeros(TIMED.size)
        continued(best).apply(scores, grammar, State(Phase.CLOSED, ended=20), None)
        assert float(scores.softmax(0)[WORD]) == pytest.approx(expected, abs=1e-3)
        total = torch.zeros(TIMED.size).logsumexp(0)
        assert torch.allclose(scores.logsumexp(0), total, atol=1e-4), "beams are comparable"
        elsewhere = torch.zeros(TIMED.size)
        continued(best).apply(elsewhere, grammar, State(Phase.TEXT, ended=20), None)
        assert elsewhere[WORD] == 0.0
