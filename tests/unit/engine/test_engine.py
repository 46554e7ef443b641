"""The slot engine: shared prefixes, freed slots, and out-of-memory errors."""

import time

import torch

from model.engine import prefill
from model.engine.cache import PrefillView
from model.engine.engine import SlotEngine
from model.engine.sequence import Prefix
from model.errors import OutOfMemory
from model.language.decoding import Decoding
from tests.tiny_models import answers, ask, endless, library, prompt, tiny

GREEDY = Decoding(max_new_tokens=12)


class PromptCounter:
    """Counts the prompt tokens that a model computes, padding included."""

    def __init__(self, llm: torch.nn.Module, *, fails_above: int | None = None) -> None:
        self.shapes: list[tuple[int, int]] = []
        self.fails_above = fails_above
        llm.model.register_forward_pre_hook(self.see, with_kwargs=True)

    def see(self, module: torch.nn.Module, args: object, kwargs: dict[str, torch.Tensor]) -> None:
        if isinstance(kwargs["cache"], PrefillView):
            rows, length = kwargs["inputs_embeds"].shape[:2]
            self.shapes.append((rows, length))
            if self.fails_above is not None and rows > self.fails_above:
                torch.empty(2**60)  # more than any machine has

    @property
    def num_tokens(self) -> int:
        return sum(rows * length for rows, length in self.shapes)


def test_questions_about_one_recording_compute_its_prefix_once() -> None:
    recording, questions = prompt(50, 0), [prompt(5 + number, number) for number in range(8)]
    for num_beams in (1, 4):
        llm, decoding = tiny(seed=1), Decoding(max_new_tokens=12, num_beams=num_beams)
        expected = [library(llm, torch.cat([recording, question]), decoding) for question in questions]
        seen = PromptCounter(llm)
        for num_slots in (1, 3, 8):
            seen.shapes.clear()
            engine, prefix = SlotEngine(llm, num_slots=num_slots, length=128), Prefix(recording)
            found = answers(engine, [engine.add(prefix, question, decoding) for question in questions])
            assert seen.num_tokens <= 50 + 8 * 12  # the longest question has 12
            assert prefix.states is None  # no sequence needs it any more
            assert found == expected


def test_prompts_of_similar_length_are_batched_up_to_the_budget() -> None:
    llm = tiny(seed=1)
    engine, seen = SlotEngine(llm, num_slots=16, length=128, prefill_tokens=100), PromptCounter(llm)
    sequences = [ask(engine, prompt(length, length), GREEDY) for length in (20, 21, 22, 23, 60, 24, 25)]
    engine.step()
    assert seen.shapes == [(4, 23)]  # 86 tokens; with the next one 146
    engine.step()
    assert seen.shapes[1:] == [(1, 24), (1, 60)]  # 84; with the next one 109
    engine.step()
    assert seen.shapes[3:] == [(1, 25)]
    answers(engine, sequences)


def test_a_prompt_over_the_budget_is_computed_alone() -> None:
    engine = SlotEngine(endless(tiny(seed=1)), num_slots=4, length=128, prefill_tokens=10)
    first, second = ask(engine, prompt(50, 0), GREEDY), ask(engine, prompt(5, 1), GREEDY)
    engine.step()
    assert (first.slot, second.slot) == (0, -1)
    engine.step()
    assert second.slot == 1


def test_recordings_get_slots_in_turn() -> None:
    engine = SlotEngine(endless(tiny(seed=1)), num_slots=3, length=128)
    many, one = Prefix(prompt(5, 0)), Prefix(prompt(6, 1))
    for number in range(6):
        engine.add(many, prompt(3, number), GREEDY)
    late = engine.add(one, prompt(3, 9), GREEDY)
    engine.step()
    assert late.slot >= 0


def test_cancelling_frees_slots_at_once_and_does_not_affect_others() -> None:
    llm = endless(tiny(seed=4))
    for num_beams in (1, 4):
        decoding = Decoding(max_new_tokens=25, num_beams=num_beams)
        engine = SlotEngine(llm, num_slots=4, length=128, length_step=16)
        sequences = [ask(engine, prompt(8 + seed, seed), decoding) for seed in range(7)]
        for _ in range(3):
            engine.step()
        running = [s for s in sequences if s.slot >= 0]
        waiting = [s for s in sequences if s.slot < 0 and not s.is_ended]
        free = engine.num_free
        for gone in (running[0], waiting[-1]):
            engine.cancel(gone)
        assert engine.num_free == free + 1
        assert engine.num_waiting == len(waiting) - 1
        left = [(seed, s) for seed, s in enumerate(sequences) if s not in (running[0], waiting[-1])]
        found = answers(engine, [s for _, s in left])
        assert found == [library(llm, prompt(8 + seed, seed), decoding) for seed, _ in left]
        assert engine.num_free == 4


def test_a_prefix_is_freed_with_its_last_waiting_sequence() -> None:
    engine, prefix = SlotEngine(endless(tiny()), num_slots=1, length=64), Prefix(prompt(9, 0))
    first, second = (engine.add(prefix, prompt(3, seed), GREEDY) for seed in (1, 2))
    engine.step()
    assert first.slot == 0
    assert prefix.states is not None
    engine.cancel(second)
    assert prefix.states is None


def test_a_prefill_that_runs_out_of_memory_is_halved_once() -> None:
    llm = tiny(seed=1)
    engine, seen = SlotEngine(llm, num_slots=8, length=64), PromptCounter(llm, fails_above=2)
    sequences = [ask(engine, prompt(10, seed), GREEDY) for seed in range(4)]
    engine.run(sequences)
    assert seen.shapes == [(4, 10), (2, 10), (2, 10)]
    seen.fails_above = None
    assert [list(s.completion.ids) for s in sequences] == [library(llm, prompt(10, seed), GREEDY) for seed in range(4)]


def test_only_the_half_that_runs_out_of_memory_fails() -> None:
    llm = tiny(seed=1)
    engine, seen = SlotEngine(llm, num_slots=8, length=64), PromptCounter(llm, fails_above=1)
    before = ask(engine, prompt(9, 9), GREEDY)
    engine.step()
    sequences = [ask(engine, prompt(10, seed), GREEDY) for seed in range(3)]
    engine.run([before, *sequences])
    assert [type(s.error) for s in sequences] == [OutOfMemory, OutOfMemory, type(None)]
    assert engine.num_free == 8
    seen.fails_above = None
    assert list(before.completion.ids) == library(llm, prompt(9, 9), GREEDY)
    assert list(sequences[2].completion.ids) == library(llm, prompt(10, 2), GREEDY)


def test_prompts_in_a_batch_have_similar_lengths() -> None:
    engine = SlotEngine(tiny(), num_slots=1, length=256)
    lengths = (3, 200, 19, 20, 100, 125, 126)
    batches = prefill.batches([ask(engine, prompt(length, 0), GREEDY) for length in lengths])
    assert [[s.num_prompt_tokens for s in batch] for batch in batches] == [[3, 19], [20], [100, 125], [126], [200]]


def test_the_time_of_a_step_is_divided_among_its_sequences() -> None:
    engine = SlotEngine(tiny(), num_slots=4, length=64)
    sequences = [ask(engine, prompt(5, seed), GREEDY) for seed in range(3)]
    began = time.perf_counter()
    engine.run(sequences)
    assert sum(s.seconds for s in sequences) <= time.perf_counter() - began
    assert all(s.seconds > 0 for s in sequences)
