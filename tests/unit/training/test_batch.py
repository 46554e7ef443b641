"""Answers as batches, and what their tokens weigh."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from model.checkpoint import EMBEDDED
from model.config import PromptConfig
from model.language.tokenizer import Tokenizer
from training.batch import IGNORED, AnswerLoss, BatchBuilder, list_ids, presence_ids
from training.data.answers import ABSENT, Example

TWO = "The given query happens in <a_1><f_2> - <a_2><f_2>, <a_5><f_2> - <a_6><f_2> seconds."
LONG = " ".join(["<a_1><f_2> - <a_2><f_2> seconds, A dog is barking."] * 6)


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.load(EMBEDDED)


@pytest.fixture(scope="module")
def llm(tokenizer):
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes, **heads)).eval()


def batches_of(tokenizer, llm, answers):
    examples = [Example("ground", "Where is a dog?", answer) for answer in answers]
    audio = list(torch.randn(len(answers), 5, 16, generator=torch.Generator().manual_seed(1)))
    return BatchBuilder(tokenizer, PromptConfig()).build(llm.get_input_embeddings(), audio, examples)


def test_a_list_goes_on_with_a_comma_and_ends_with_seconds(tokenizer):
    assert [tokenizer.decode([i]) for i in list_ids(tokenizer)] == [",", " seconds"]


def test_long_and_short_answers_are_padded_apart(tokenizer, llm):
    batches = batches_of(tokenizer, llm, [TWO, LONG, ABSENT, TWO, LONG])
    assert [batch.examples for batch in batches] == [[2, 0, 3], [1, 4]]
    assert [len(batch.labels) for batch in batches] == [3, 2]
    assert len(batches_of(tokenizer, llm, [TWO, TWO])) == 1
    assert len(batches_of(tokenizer, llm, [LONG])) == 1
    told = sum(int((batch.labels != IGNORED).sum()) for batch in batches)
    assert told == sum(len(tokenizer.encode(a)) + 1 for a in (TWO, LONG, ABSENT, TWO, LONG))


@torch.no_grad()
def test_how_answers_are_batched_does_not_change_the_loss(tokenizer, llm):
    weights = {"time_weight": 2.0, "presence_weight": 5.0, "list_weight": 3.0}
    loss = AnswerLoss.of(tokenizer, len(tokenizer), tokenizer.marker_ids, **weights)
    answers = [TWO, LONG, ABSENT]
    together = loss(llm, batches_of(tokenizer, llm, answers))
    examples = [Example("ground", "Where is a dog?", answer) for answer in answers]
    audio = torch.randn(3, 5, 16, generator=torch.Generator().manual_seed(1))
    build = BatchBuilder(tokenizer, PromptConfig()).build
    single = [build(llm.get_input_embeddings(), [a], [e])[0] for a, e in zip(audio, examples, strict=True)]
    apart = loss(llm, single)
    assert together.keys() == apart.keys() == {"loss", "time", "lists", "presence", "words"}
    for name, value in together.items():
        assert float(value) == pytest.approx(float(apart[name]), rel=1e-4)


@torch.no_grad()
def test_tokens_weigh_what_they_are_given(tokenizer, llm):
    """What weighs a thousand times more is nearly the whole mean."""
    batches = batches_of(tokenizer, llm, [TWO])
    plain = AnswerLoss.of(tokenizer, len(tokenizer), tokenizer.marker_ids)
    heavy = AnswerLoss.of(tokenizer, len(tokenizer), tokenizer.marker_ids, list_weight=1000.0)
    assert float(heavy(llm, batches)["loss"]) == pytest.approx(float(plain(llm, batches)["lists"]), rel=0.02)
    heavy = AnswerLoss.of(tokenizer, len(tokenizer), tokenizer.marker_ids, time_weight=1000.0)
    assert float(heavy(llm, batches)["loss"]) == pytest.approx(float(plain(llm, batches)["time"]), rel=0.02)
    heavy = AnswerLoss.of(tokenizer, len(tokenizer), tokenizer.marker_ids, presence_weight=1000.0)
    assert float(heavy(llm, batches)["loss"]) == pytest.approx(float(plain(llm, batches)["presence"]), rel=0.02)
    assert len(presence_ids(tokenizer)) == 2
