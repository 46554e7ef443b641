"""Drafts save steps and change no answer."""

import random

import pytest

from model.engine.biases import TimeBias
from model.engine.drafts import Drafter
from model.engine.engine import SlotEngine
from model.engine.interval_weights import IntervalWeights
from model.language.decoding import Decoding
from model.timeline.grammar import START, Grammar, Phase, State
from tests.tiny_models import TIMED, answers, ask, prompt, tiny


def time_bias(seed: int, duration: int, openings: tuple[int, ...] = ()) -> TimeBias:
    drawn = random.Random(seed)
    return TimeBias(IntervalWeights([drawn.gauss(0, 1) for _ in range(duration)]), openings)


def num_steps(engine: SlotEngine, cases: list) -> int:
    before = engine.num_steps
    for case in cases:
        answers(engine, [ask(engine, *case)])
    return engine.num_steps - before


def test_an_answer_given_before_takes_fewer_steps() -> None:
    llm = tiny(seed=6, vocab_size=40)
    for task in ("dense_caption", "ground", "ask"):
        engine = SlotEngine(llm, num_slots=4, length=256)
        cases = [(prompt(9, seed), Decoding(max_new_tokens=40), Grammar(TIMED, task, 300)) for seed in range(6)]
        first, again = num_steps(engine, cases), num_steps(engine, cases)
        assert again < 0.8 * first, task


def test_forced_tokens_need_no_earlier_answer() -> None:
    drafter, grammar = Drafter(), Grammar(TIMED, "ground", 300)
    anchors, offsets, separator = TIMED.anchor_ids, TIMED.offset_ids, TIMED.separator_ids
    state = grammar.advance(grammar.advance(START, anchors[2]), offsets[5])
    draft = drafter.draft((anchors[2], offsets[5]), state, grammar, most=7)
    assert draft.tokens == separator
    assert draft.states[-1] == State(Phase.END, start=25)
    assert len(draft.states) == len(separator)


def test_times_and_the_end_are_not_guessed() -> None:
    drafter, grammar = Drafter(), Grammar(TIMED, "ask", 300)
    words = [token for token in range(TIMED.size) if token not in grammar.special][:3]
    drafter.learn([*words, TIMED.anchor_ids[3]])
    state = grammar.advance(grammar.advance(START, words[0]), words[1])
    assert drafter.draft((words[0], words[1]), state, grammar, most=7).tokens == (words[2],)
    drafter.learn([*words, TIMED.eos_id])
    assert drafter.draft((words[0], words[1]), state, grammar, most=7).tokens == (words[2],)


def test_a_sampled_answer_is_the_same_with_drafts_of_others_beside_it() -> None:
    llm = tiny(seed=8, vocab_size=40)
    drawn = Decoding(max_new_tokens=30, temperature=1.0, seed=3)
    case = prompt(7, 1), drawn, Grammar(TIMED, "ask", 300)
    alone = SlotEngine(llm, num_slots=4, length=256)
    expected = answers(alone, [ask(alone, *case)])
    engine = SlotEngine(llm, num_slots=4, length=256)
    greedy = [(prompt(9, seed), Decoding(max_new_tokens=40), Grammar(TIMED, "ask", 300)) for seed in range(3)]
    num_steps(engine, greedy)
    found = answers(engine, [ask(engine, *case), *(ask(engine, *other) for other in greedy)])
    assert found[:1] == expected


@pytest.mark.parametrize("biased", [False, True])
def test_answers_are_the_same_as_with_one_token_per_step(biased: bool) -> None:
    llm, rng = tiny(seed=6, vocab_size=40), random.Random(1)
    cases = [
        (prompt(rng.randint(2, 30), seed % 5), Decoding(max_new_tokens=rng.choice([1, 2, 7, 40])),
         Grammar(TIMED, rng.choice(["dense_caption", "ground", "ask"]), rng.choice([1, 37, 100, 1500])))
        for seed in range(40)
    ]  # fmt: skip
    drafting, plain = (SlotEngine(llm, num_slots=5, length=128, length_step=16) for _ in range(2))
    plain.drafter = None
    found = []
    for engine in (drafting, plain):
        sequences = [ask(engine, *case) for case in cases]
        for place, sequence in enumerate(sequences if biased else ()):
            sequence.search.times = time_bias(place, sequence.search.grammar.duration)
        found.append(answers(engine, sequences))
    assert found[0] == found[1]
    assert drafting.num_steps < plain.num_steps
