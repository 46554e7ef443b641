"""Log-probabilities, sampled tokens, and answers longer than their slot."""

import math
from collections import Counter

import pytest
import torch

from model.engine.engine import SlotEngine
from model.engine.sampling import draw
from model.engine.search import Path
from model.errors import ContextTooLong
from model.language.decoding import Decoding
from model.timeline.grammar import Grammar
from tests.tiny_models import EOS, TIMED, answers, ask, endless, library, prompt, tiny


@pytest.mark.parametrize("num_beams", [1, 4])
def test_log_probabilities_equal_those_of_one_forward_pass(num_beams: int) -> None:
    llm = tiny(seed=3, vocab_size=40)
    engine, embeds, grammar = SlotEngine(llm, num_slots=2, length=128), prompt(12, 1), Grammar(TIMED, "ground", 200)
    sequence = ask(engine, embeds, Decoding(num_beams=num_beams, max_new_tokens=20), grammar)
    engine.run([sequence])
    completion = sequence.completion
    ids = completion.ids[: len(completion.log_probs)]
    assert len(ids) >= 3
    answer = llm.get_input_embeddings()(torch.tensor(ids))
    logits = llm(inputs_embeds=torch.cat([embeds, answer])[None]).logits[0, len(embeds) - 1 :]
    for place, token in enumerate(ids):
        allowed = grammar.allowed(ids[:place])
        may = torch.tensor([i < TIMED.size and allowed.permits(i) for i in range(40)])
        own = logits[place].log_softmax(0)[token]
        within = logits[place].masked_fill(~may, -torch.inf).log_softmax(0)[token]
        assert completion.log_probs[place] == pytest.approx(own.item(), abs=1e-4)
        assert completion.grammar_log_probs[place] == pytest.approx(within.item(), abs=1e-4)
    if num_beams > 1:
        total = sum(completion.log_probs)
        if not completion.is_cut:
            total += logits[len(ids)].log_softmax(0)[EOS].item()
        length = len(ids) + (not completion.is_cut)
        assert completion.score == pytest.approx(total / length, abs=1e-4)


def test_the_score_of_a_beam_equals_that_of_transformers() -> None:
    llm, embeds = tiny(seed=3), prompt(12, 1)
    engine = SlotEngine(llm, num_slots=2, length=128)
    sequence = ask(engine, embeds, Decoding(num_beams=4, max_new_tokens=20))
    engine.run([sequence])
    output = llm.generate(
        inputs_embeds=embeds[None], num_beams=4, max_new_tokens=20, do_sample=False, pad_token_id=EOS,
        return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip
    assert sequence.completion.score == pytest.approx(output.sequences_scores.item(), abs=1e-5)


def test_a_seed_gives_the_same_tokens_whatever_else_is_decoded() -> None:
    llm = endless(tiny(seed=2))
    drawing = Decoding(temperature=1.3, top_p=0.9, seed=11, max_new_tokens=30)
    alone = SlotEngine(llm, num_slots=1, length=128)
    [expected] = answers(alone, [ask(alone, prompt(9, 0), drawing)])
    crowd = SlotEngine(llm, num_slots=8, length=128)
    others = [ask(crowd, prompt(4 + seed, seed), Decoding(max_new_tokens=7 * seed)) for seed in range(1, 4)]
    others += [ask(crowd, prompt(9, 0), Decoding(temperature=1.3, seed=seed, max_new_tokens=30)) for seed in (1, 2)]
    crowd.step()
    same = ask(crowd, prompt(9, 0), drawing)
    found = answers(crowd, [*others, same])
    assert found[-1] == expected
    assert len({tuple(ids) for ids in found[-3:]}) == 3  # other seeds give other tokens
    assert found[0] == library(llm, prompt(5, 1), Decoding(max_new_tokens=7))  # greedy sequences are not affected


def test_tokens_are_sampled_with_their_probabilities() -> None:
    logits, draws = torch.randn(19, generator=torch.Generator().manual_seed(0)) * 2, 4000
    for temperature, top_p in [(1.0, 1.0), (0.5, 1.0), (2.0, 0.6)]:
        options = [Decoding(temperature=temperature, top_p=top_p, seed=seed) for seed in range(draws)]
        paths = [Path(option, None, frozenset()) for option in options]
        counts = Counter(draw(paths, logits.expand(draws, -1)).tolist())
        likely = (logits / temperature).softmax(0)
        order = likely.argsort(descending=True).tolist()
        kept = [token for place, token in enumerate(order) if likely[order[:place]].sum() < top_p]
        assert set(counts) <= set(kept)
        for token in kept:
            share = (likely[token] / likely[kept].sum()).item()
            noise = 4 * math.sqrt(share * (1 - share) / draws) + 1e-3
            assert counts[token] / draws == pytest.approx(share, abs=noise)


def test_sampled_answers_follow_the_grammar() -> None:
    llm, grammar = tiny(seed=3, vocab_size=40), Grammar(TIMED, "dense_caption", 77)
    engine = SlotEngine(llm, num_slots=8, length=128)
    options = [Decoding(temperature=3.0, seed=seed, max_new_tokens=40) for seed in range(8)]
    for ids in answers(engine, [ask(engine, prompt(5, 0), option, grammar) for option in options]):
        assert all(grammar.allowed(ids[:place]).permits(token) for place, token in enumerate(ids))
        assert grammar.closing(ids) == []


def test_an_answer_is_cut_at_the_end_of_its_slot() -> None:
    llm, grammar = tiny(seed=0, vocab_size=40), Grammar(TIMED, "ground", 300)
    llm.get_output_embeddings().weight[EOS] = 0
    engine = SlotEngine(llm, num_slots=2, length=40, length_step=8)
    for num_beams in (1, 4):
        sequence = ask(engine, prompt(30, 0), Decoding(num_beams=num_beams, max_new_tokens=500), grammar)
        [ids] = answers(engine, [sequence])
        assert sequence.completion.is_cut
        assert 3 <= len(sequence.completion.log_probs) <= 10
        assert grammar.closing(ids) == []
    assert engine.num_free == 2
    with pytest.raises(ContextTooLong, match="40 tokens; fewer than 40 fit"):
        ask(engine, prompt(40, 0), Decoding())
    assert SlotEngine(tiny("mistral", sliding_window=50), num_slots=1, length=128).length == 50


def test_invalid_decoding_options_are_rejected() -> None:
    for wrong in [
        {"num_beams": 0},
        {"max_new_tokens": 0},
        {"temperature": -1.0},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"num_beams": 2, "temperature": 0.5},
    ]:
        with pytest.raises(ValueError, match=r"num_beams|temperature"):
            Decoding(**wrong)
    engine = SlotEngine(tiny(), num_slots=1, length=32, most_beams=4)
    with pytest.raises(ValueError, match="at most 4"):
        ask(engine, prompt(3, 0), Decoding(num_beams=5))


@pytest.mark.parametrize(
    "extreme", [{"temperature": 1e-39}, {"temperature": 1e300}, {"temperature": 0.5, "top_p": 1e-46}]
)
def test_extreme_settings_of_sampling_choose_a_token(extreme: dict[str, float]) -> None:
    llm = tiny()
    engine = SlotEngine(llm, num_slots=2, length=64, most_beams=1)
    decoding = Decoding(seed=1, max_new_tokens=5, **extreme)
    sequence = ask(engine, prompt(5, 1), decoding)
    engine.run([sequence])
    assert sequence.completion is not None
    assert len(sequence.completion.ids) <= 5
    if extreme["temperature"] < 1:
        assert list(sequence.completion.ids) == library(llm, prompt(5, 1), Decoding(max_new_tokens=5))
