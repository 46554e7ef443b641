"""The language model: markers, prompts and generation."""

import pytest
import torch

from model.config import PromptConfig
from model.engine.engine import SlotEngine
from model.engine.sequence import Prefix
from model.language.decoding import Decoding
from model.language.generate import generate
from model.language.prompt import prompt_ids, splice
from model.timeline.grammar import Grammar
from model.timeline.markers import MARKERS
from model.timeline.parser import parse
from tests.factories import add_markers, small_llm, small_tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return small_tokenizer()


@pytest.fixture(scope="module")
def llm(tokenizer):
    llm = small_llm(len(tokenizer) - 20)
    add_markers(llm, tokenizer)
    return llm


def test_every_marker_is_one_token_and_survives_a_round_trip(tokenizer):
    assert [marker for marker in MARKERS if len(tokenizer.encode(marker)) != 1] == []
    text = "<a_1><a_2><f_5> - <a_1><a_3><f_0> seconds, A dog barks. Ünïcode ☃"
    assert tokenizer.decode(tokenizer.encode(text)) == text
    ids = tokenizer.encode("<f_5> - <a_1>")
    assert tuple(ids[1:-1]) == tokenizer.vocabulary.separator_ids
    assert tokenizer.decode(tokenizer.vocabulary.separator_ids) == " - "


def test_markers_are_initialised_by_equation_one(tokenizer):
    point = tokenizer.encode(".")[-1]
    for tied in (False, True):
        llm = small_llm(len(tokenizer) - 20, tie_word_embeddings=tied)
        old = [layer.weight.clone() for layer in (llm.get_input_embeddings(), llm.get_output_embeddings())]
        assert torch.equal(*old) == tied
        add_markers(llm, tokenizer)
        for before, layer in zip(old, (llm.get_input_embeddings(), llm.get_output_embeddings()), strict=True):
            for digit in range(10):
                row = before[tokenizer.encode(str(digit))[-1]]
                torch.testing.assert_close(layer.weight[tokenizer.marker_ids[digit]], row)
                offset = layer.weight[tokenizer.marker_ids[10 + digit]]
                torch.testing.assert_close(offset, (row + before[point]) / 2)


def test_audio_tokens_are_between_the_speech_tags(tokenizer, llm):
    before, after = prompt_ids(tokenizer, PromptConfig(), "What happens?")
    assert before[0] == tokenizer.bos_id
    assert tokenizer.decode(before) == "USER: <Speech>"
    assert tokenizer.decode(after) == "</Speech> What happens?\nASSISTANT:"
    audio = torch.randn(7, 32)
    prompt = splice(llm.get_input_embeddings(), before, audio, after)
    torch.testing.assert_close(prompt[len(before) : len(before) + 7], audio)
    assert len(prompt) == len(before) + 7 + len(after)


def test_a_model_with_random_weights_gives_only_valid_answers(tokenizer, llm):
    for task, duration, num_beams in [
        ("dense_caption", 1, 1),
        ("ground", 1, 3),
        ("dense_caption", 37, 3),
        ("ground", 100, 1),
        ("dense_caption", 1500, 1),
        ("ground", 1500, 3),
    ]:
        engine = SlotEngine(llm, num_slots=4, length=128)
        grammar = Grammar(tokenizer.vocabulary, task, duration)
        decoding = Decoding(num_beams=num_beams, max_new_tokens=40)
        prompts = [torch.randn(12, 32, generator=torch.Generator().manual_seed(seed)) for seed in range(4)]
        sequences = [engine.add(Prefix(prompt[:8]), prompt[8:], decoding, grammar) for prompt in prompts]
        engine.run(sequences)
        for sequence in sequences:
            text = tokenizer.decode(sequence.completion.ids)
            events = parse(text, task, duration)
            assert sum(len(e.intervals) for e in events) == text.count(" - <a_"), text
            for interval in (i for e in events for i in e.intervals):
                assert 0 <= interval.start < interval.end <= duration


def test_without_a_grammar_the_answer_equals_that_of_transformers(llm):
    prompt = torch.randn(9, 32, generator=torch.Generator().manual_seed(1))
    ours = generate(llm, prompt, Decoding(max_new_tokens=12))
    theirs = llm.generate(inputs_embeds=prompt[None], max_new_tokens=12, do_sample=False)[0].tolist()
    assert ours == theirs[: theirs.index(1)] if 1 in theirs else ours == theirs
