"""Fitting what words mean among audio tokens."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from model.engine.prompting import word_ids
from model.evidence import WordVectors
from model.pipeline import Pipeline
from tests.factories import small_model
from tests.small_recordings import pool_of
from training import word_map
from training.data.composer import SceneConfig
from training.data.vocabulary import groups, held_out_wordings, synonyms, vocabulary
from training.word_map import fit_word_maps, phrases, ridge, withheld_words


def test_a_linear_map_is_found():
    generator = torch.Generator().manual_seed(0)
    given = torch.randn(500, 6, generator=generator) * torch.tensor([0.1, 1.0, 3.0, 1.0, 1.0, 1.0]) + 2.0
    weight, bias = torch.randn(6, 6, generator=generator), torch.randn(6, generator=generator)
    found, offset = ridge(given, given @ weight.T + bias, penalty=1e-4)
    assert torch.allclose(found, weight, atol=0.05)
    assert torch.allclose(given @ found.T + offset, given @ weight.T + bias, atol=1e-2)


def test_every_kind_has_synonyms_that_nothing_else_means():
    known = synonyms()
    assert vocabulary().keys() <= known.keys()
    assert min(len(known[kind]) for kind in vocabulary()) >= 60
    every = [text.lower() for texts in known.values() for text in texts]
    every += [query.lower() for wording in vocabulary().values() for query in wording.queries]
    assert len(every) == len(set(every))


def test_words_that_validate_are_not_fitted_to():
    def plain(text: str) -> str:
        return text.lower().removeprefix("a ").removeprefix("an ").removeprefix("the ").removeprefix("some ")

    fitted = {plain(text) for texts in synonyms().values() for text in texts}
    assert not fitted & {plain(text) for texts in held_out_wordings().values() for text in texts}


def test_a_map_to_calibrate_with_has_not_had_the_withheld_words():
    whole, partial = (dict(phrases(np.random.default_rng(0), withhold=withhold)) for withhold in (False, True))
    for kind in vocabulary():
        assert not partial.keys() & set(withheld_words(kind))
        assert whole.keys() >= set(withheld_words(kind))
    assert whole["an animal"] == groups()["animal"].kinds
    assert partial["dog"] == ("dog",)


def test_fitted_words_lie_nearer_to_the_names_of_their_kinds(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(word_map, "RIDGE", 1.0)
    model, tokenizer = small_model()
    pipeline = Pipeline(model, tokenizer, num_slots=2)
    configs = [SceneConfig(seconds=1.0, max_events=1)]
    whole, partial = fit_word_maps(pipeline, pool_of("dog", "rain", seconds=0.4), configs, scenes=2, seed=1)
    assert torch.equal(whole.centre, partial.centre)
    assert not torch.equal(whole.weight, partial.weight)
    embedding = model.llm.get_input_embeddings().weight.detach()
    vectors = WordVectors(embedding, tokenizer.marker_ids)
    gained = []
    for kind in vocabulary():
        name = normalize(vectors(word_ids(tokenizer, kind.replace("_", " "))), dim=0)
        for text in synonyms()[kind][:5]:
            words = vectors(word_ids(tokenizer, text))
            gained.append(float((whole(words) - normalize(words, dim=0)) @ name))
    assert sum(gained) / len(gained) > 0.1
