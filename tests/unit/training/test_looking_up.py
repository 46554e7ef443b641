"""Where the words of a summary are looked up, and that a head's not looking there costs."""

import numpy as np
import pytest
import torch

from model.checkpoint import EMBEDDED
from model.config import PromptConfig
from model.language.tokenizer import Tokenizer
from training.batch import BatchBuilder
from training.data.answers import MARKED, Example
from training.data.bulletins import FACT_NAMES
from training.data.composer import PlacedEvent
from training.data.tasks import summarize
from training.data.timelines import WINDOW_SAMPLES, Columns, written_timeline
from training.looking_up import HEAD, not_looked_up, tellers

COLUMNS = Columns((), FACT_NAMES, "section")


def window(number):
    return number * WINDOW_SAMPLES


def bulletin(first, at):
    """A section from a window on; its facts are told in the windows `at`."""
    names = ("who:the queen", "did:lost a golden ring", "where:Oslo")
    facts = [PlacedEvent(name, window(place), window(place + 1)) for name, place in zip(names, at, strict=True)]
    return [PlacedEvent("section", window(first), window(first + 20)), *facts]


def test_a_section_is_told_where_it_begins_and_again_where_a_segment_cuts_its_facts():
    events = [*bulletin(10, (12, 13, 14)), *bulletin(80, (83, 85, 95)), *bulletin(120, (122, 123, 124))]
    num_samples = window(178)  # two segments of 89
    timeline = written_timeline(events, COLUMNS, num_samples)
    every = torch.arange(178)
    assert [list(found) for found in tellers(events, timeline, every)] == [[10], [80, 89], [120]]
    kept = torch.tensor([10, 40, 89, 130])  # what merging left
    assert [list(found) for found in tellers(events, timeline, kept)] == [[0], [2], []]


@pytest.fixture(scope="module")
def batches():
    tokenizer = Tokenizer.load(EMBEDDED)
    builder = BatchBuilder(tokenizer, PromptConfig())
    events = [*bulletin(3, (4, 5, 6)), *bulletin(30, (31, 32, 33))]
    told = summarize(events, window(89), np.random.default_rng(0), MARKED)
    other = Example("ground", "Where is a dog?", "The given query happens in <a_1><f_2> - <a_2><f_2> seconds.")
    embedding = torch.nn.Embedding(len(tokenizer), 8)
    made = builder.build(embedding, list(torch.randn(2, 89, 8)), [other, told])
    return tokenizer, builder, made


def not_seen(batches, matrices):
    tokenizer, builder, made = batches
    wanted = [None, [np.array([3]), np.array([30])]]
    ids = torch.tensor(tokenizer.marker_ids)
    return not_looked_up(matrices, made, wanted, first_token=builder.num_before, time_ids=ids).item()


def test_the_words_of_each_section_should_look_at_the_token_where_it_begins(batches):
    tokenizer, builder, made = batches
    matrices = [torch.full((len(b.examples), 4, b.labels.shape[1], b.labels.shape[1]), 1e-3) for b in made]
    assert not_seen(batches, matrices) == pytest.approx(-np.log(1e-3), rel=1e-3)
    words = ("queen", "golden", "Oslo")
    looked = 0
    for matrix, batch in zip(matrices, made, strict=True):
        for row, example in enumerate(batch.examples):
            section = 0
            for place, label in enumerate(batch.labels[row].tolist()):
                if example != 1 or label < 0:
                    continue
                text = tokenizer.decode([label]).strip()
                section += text == ","
                if section and label not in tokenizer.marker_ids and text != "-":
                    token = builder.num_before + (3, 30)[section - 1]
                    matrix[row, HEAD, place, token] = 0.5
                    looked += text in words
    assert looked == 2 * len(words)
    assert not_seen(batches, matrices) == pytest.approx(-np.log(0.5), rel=1e-5)


def test_what_is_no_summary_is_not_looked_up(batches):
    tokenizer, builder, made = batches
    matrices = [torch.rand(len(b.examples), 4, b.labels.shape[1], b.labels.shape[1]) for b in made]
    ids = torch.tensor(tokenizer.marker_ids)
    nothing = not_looked_up(matrices, made, [None, None], first_token=builder.num_before, time_ids=ids)
    assert nothing.item() == 0.0
