"""Steps with fixed shapes give the same answers as steps with only live rows, and CUDA graphs the same as modules."""

import random

import pytest
import torch

from model.engine.engine import SlotEngine
from model.engine.graphs import row_buckets
from model.language.decoding import Decoding
from model.timeline.grammar import Grammar
from tests.tiny_models import TIMED, answers, ask, library, prompt, tiny


def test_row_buckets_end_with_all_slots() -> None:
    assert row_buckets(1) == [1]
    assert row_buckets(12) == [1, 2, 4, 8, 12]
    assert row_buckets(128) == [1, 2, 4, 8, 16, 32, 64, 128]


def mixed(seed: int) -> tuple[torch.Tensor, Decoding]:
    rng = random.Random(seed)
    return prompt(rng.randint(2, 60), seed), Decoding(
        num_beams=rng.choice([1, 1, 4, 4, 3]), max_new_tokens=rng.randint(1, 40)
    )


def test_fixed_shapes_while_others_join_and_leave() -> None:
    llm = tiny(seed=4)
    expected = [library(llm, *mixed(seed)) for seed in range(14)]
    for num_slots in (1, 5):
        engine = SlotEngine(llm, num_slots=num_slots, length=200, length_step=64, static_widths=(1, 4))
        sequences = []
        for seed in range(14):
            sequences.append(ask(engine, *mixed(seed)))
            engine.step()
        assert answers(engine, sequences) == expected


@pytest.mark.gpu
@pytest.mark.parametrize("num_beams", [1, 4, 3])
def test_on_a_gpu_answers_equal_those_of_transformers(num_beams: int) -> None:
    llm = tiny(seed=4).cuda()
    engine = SlotEngine(llm, num_slots=5, length=200)
    decoding = Decoding(num_beams=num_beams, max_new_tokens=40)
    sequences = []
    for seed in range(12):
        sequences.append(ask(engine, prompt(5 + 3 * seed, seed).cuda(), decoding))
        engine.step()
    found = answers(engine, sequences)
    cpu = tiny(seed=4)
    assert found == [library(cpu, prompt(5 + 3 * seed, seed), decoding) for seed in range(12)]


@pytest.mark.gpu
def test_on_a_gpu_graphs_work_with_grammars() -> None:
    llm, grammar = tiny(seed=6, vocab_size=40), Grammar(TIMED, "dense_caption", 100)
    expected = [library(llm, prompt(9, seed), Decoding(max_new_tokens=30), grammar) for seed in range(6)]
    for widths in ((), (1,)):
        engine = SlotEngine(llm.cuda(), num_slots=3, length=128, static_widths=widths)
        sequences = [ask(engine, prompt(9, seed).cuda(), Decoding(max_new_tokens=30), grammar) for seed in range(6)]
        assert answers(engine, sequences) == expected


@pytest.mark.gpu
def test_on_a_gpu_decoding_keeps_no_memory() -> None:
    engine = SlotEngine(tiny(seed=4).cuda(), num_slots=4, length=256)
    engine.run([ask(engine, prompt(20, seed).cuda(), Decoding(max_new_tokens=20)) for seed in range(4)])
    before = torch.cuda.memory_allocated()
    engine.run([ask(engine, prompt(20, seed).cuda(), Decoding(max_new_tokens=100)) for seed in range(8)])
    assert torch.cuda.memory_allocated() <= before
