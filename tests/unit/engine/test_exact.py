"""The engine gives the same ids as `transformers`, for every model family and search, while sequences come and go."""

import random

import pytest

from model.engine.engine import SlotEngine
from model.language.decoding import Decoding
from model.timeline.grammar import Grammar
from tests.tiny_models import FAMILIES, TIMED, answers, ask, library, prompt, tiny

CASES = 14  # per search and family


def drawn(rng: random.Random, num_beams: int) -> Decoding:
    return Decoding(num_beams=num_beams, max_new_tokens=rng.choice([1, 2, rng.randint(3, 40)]))


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_and_beams_while_others_join_and_leave(family: str) -> None:
    llm, rng = tiny(family, seed=4), random.Random(family)
    cases = [(prompt(rng.randint(2, 60), seed), drawn(rng, (1, 4)[seed % 2])) for seed in range(2 * CASES)]
    rng.shuffle(cases)
    engine = SlotEngine(llm, num_slots=6, length=256, length_step=16)
    sequences = []
    for embeds, decoding in cases:
        sequences.append(ask(engine, embeds, decoding))
        for _ in range(rng.randint(0, 4)):
            engine.step()
    found = answers(engine, sequences)
    assert engine.num_free == 6
    assert found == [library(llm, *case) for case in cases]
    for num_beams in (1, 4):
        ended = [not s.completion.is_cut for s in sequences if s.width == num_beams]
        assert 3 <= sum(ended) < len(ended)  # some answers end, some are cut


def test_different_numbers_of_beams_at_the_same_time() -> None:
    llm = tiny(seed=5)
    for num_beams in (2, 3, 8):
        rng = random.Random(num_beams)
        engine = SlotEngine(llm, num_slots=4, length=200, length_step=8)
        cases = [(prompt(5 + seed, seed), drawn(rng, rng.choice([1, num_beams]))) for seed in range(8)]
        sequences = [ask(engine, *case) for case in cases]
        assert answers(engine, sequences) == [library(llm, *case) for case in cases]


@pytest.mark.parametrize("num_beams", [1, 4])
def test_with_a_grammar(num_beams: int) -> None:
    llm = tiny(seed=6, vocab_size=40)
    for task in ("dense_caption", "ground", "ask"):
        rng = random.Random(task)
        engine = SlotEngine(llm, num_slots=5, length=256, length_step=16)
        cases = []
        for seed in range(10):
            grammar = Grammar(TIMED, task, rng.choice([1, 37, 100, 1500]))
            cases.append((prompt(rng.randint(2, 30), seed), drawn(rng, num_beams), grammar))
        sequences = [ask(engine, *case) for case in cases]
        assert answers(engine, sequences) == [library(llm, *case) for case in cases]


def test_several_end_of_sequence_tokens() -> None:
    llm = tiny(seed=7)
    llm.generation_config.eos_token_id = [1, 5, 9]
    engine = SlotEngine(llm, num_slots=3, length=128)
    for num_beams in (1, 4):
        decoding = Decoding(num_beams=num_beams, max_new_tokens=25)
        for seed in range(5):
            embeds = prompt(9, seed)
            ids = llm.generate(inputs_embeds=embeds[None], num_beams=num_beams, max_new_tokens=25, do_sample=False)
            expected = ids[0].tolist()
            end = next((i for i, token in enumerate(expected) if token in (1, 5, 9)), len(expected))
            assert answers(engine, [ask(engine, embeds, decoding)]) == [expected[:end]]
