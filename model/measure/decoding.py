"""Measure tokens per second of a slot engine, and of `generate` on the same modules, one request after another."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from model.engine.drafts import Drafter
from model.engine.engine import SlotEngine
from model.engine.sequence import Prefix
from model.language.decoding import Decoding
from model.language.generate import generate
from model.measure.clock import Elapsed, median, rates, took

FIRST = 2
"""Tokens of an answer that count as part of the prompt, both in the library and in the engine's first step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """The workload: requests that arrive at once, with random prompts, all answers of one length."""

    requests: int
    num_beams: int
    prompt_tokens: int = 80
    new_tokens: int = 60
    library_requests: int = 4
    """How many of the requests the library processes."""
    repeats: int = 3


@contextmanager
def endless(llm: PreTrainedModel) -> Iterator[None]:
    """Disable the end-of-sequence token, so that every answer has the maximum length."""
    ends = llm.generation_config.eos_token_id
    llm.generation_config.eos_token_id = None
    try:
        yield
    finally:
        llm.generation_config.eos_token_id = ends


def random_prompts(llm: PreTrainedModel, count: int, length: int) -> list[Tensor]:
    """Return prompts of random ids as embeddings, the same in every call."""
    generator = torch.Generator().manual_seed(0)
    embedding = llm.get_input_embeddings()
    ids = torch.randint(len(embedding.weight), (count, length), generator=generator)
    with torch.inference_mode():
        return list(embedding(ids.to(embedding.weight.device)))


def decode_rate(llm: PreTrainedModel, engine: SlotEngine, load: Workload) -> dict[str, Any]:
    """Return answer tokens per second (not beam tokens), without and with prompts, and how many answers are equal."""
    decoding = Decoding(num_beams=load.num_beams, max_new_tokens=load.new_tokens)
    prompts = random_prompts(llm, load.requests, load.prompt_tokens)
    theirs = prompts[: load.library_requests]
    short = Decoding(num_beams=load.num_beams, max_new_tokens=FIRST)
    answers: dict[int, list[int]] = {}
    runs: list[tuple[Elapsed, Elapsed, Elapsed, Elapsed]] = []
    with endless(llm):
        for _ in range(1 + load.repeats):
            if engine.drafter is not None:
                engine.drafter = Drafter()  # it would know the answers from the run before
            sequences = [engine.add(Prefix(prompt[:1]), prompt[1:], decoding) for prompt in prompts]
            prefill = took(lambda: _prefill(engine))
            left = sum(load.new_tokens - sequence.search.num_tokens for sequence in sequences)
            decode = took(partial(engine.run, sequences))
            library_prefill = took(lambda: [generate(llm, prompt, short) for prompt in theirs])
            library = took(lambda: answers.update((i, generate(llm, p, decoding)) for i, p in enumerate(theirs)))
            runs.append((prefill + decode, decode, library, library - library_prefill))
    # The first run is a warm-up.
    engine_all, engine_decode, library_all, library_decode = (
        median(list(column)) for column in zip(*runs[1:], strict=True)
    )
    completions = [sequence.completion for sequence in sequences]
    same = sum(c is not None and list(c.ids) == answers.get(i) for i, c in enumerate(completions))
    library_left = len(theirs) * (load.new_tokens - FIRST)
    return {
        **asdict(load),
        "decode": rates("tokens", (left, engine_decode), (library_left, library_decode)),
        "with_prompts": rates(
            "tokens",
            (load.requests * load.new_tokens, engine_all),
            (len(theirs) * load.new_tokens, library_all),
        ),
        "same_answers": f"{same} of {len(answers)}",
    }


def _prefill(engine: SlotEngine) -> None:
    engine.step()
    while engine.num_waiting:
        engine.step()
