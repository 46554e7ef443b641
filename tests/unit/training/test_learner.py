"""Rows that share a recording, and what features go through on their way to the connector."""

import pytest
import torch

from tests.factories import small_model
from training.data.manifest import Annotation, Row
from training.feature_dropout import FeatureDropout
from training.learner import Learner
from training.stages import StageConfig


def learner_of(**changes):
    model, tokenizer = small_model()
    torch.manual_seed(0)
    return Learner(model, tokenizer, StageConfig(**({"dropout": False} | changes))).train(), model


def random_frames(model, seconds, seed):
    rng = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(1, seconds * 50, dim, generator=rng) for dim in (model.speech.dim, model.sound.dim))


ROWS = [
    Row(id="a", audio="x", task="ground", query="a dog", duration=3.0, events=(Annotation(((0.2, 0.8),)),)),
    Row(id="b", audio="x", task="ground", query="a cat", duration=3.0),
    Row(id="c", audio="x", task="dense_caption", duration=3.0, events=(Annotation(((1.2, 1.8),), "A dog barks."),)),
    Row(id="d", audio="y", task="ground", query="a dog", duration=3.0, events=(Annotation(((0.0, 3.0),)),)),
    Row(id="e", audio="z", task="ground", query="a dog", duration=1.0),
]


def learned(is_copied, **changes):
    """Loss and gradients of three rows of one recording among two others, and how many went through the connector."""
    learner, model = learner_of(**changes)
    frames = {row.audio: random_frames(model, round(row.duration), seed) for seed, row in enumerate(ROWS)}
    given = [
        tuple(side.clone() for side in frames[row.audio]) if is_copied else frames[row.audio]
        for row in ROWS
    ]  # fmt: skip
    batches = []
    learner.connector.register_forward_pre_hook(lambda _, args: batches.append(len(args[0])))
    loss = learner(given, [round(16_000 * row.duration) for row in ROWS], [learner.example(row) for row in ROWS])
    loss.backward()
    gradients = {name: p.grad for name, p in learner.named_parameters() if p.requires_grad}
    return float(loss.detach()), gradients, sorted(batches)


def test_rows_of_one_recording_learn_as_if_each_had_a_copy():
    results = []
    for changes in ({}, {"anchor_seconds": 1}, {"packing": 300}, {"together": 4}):
        shared, gradients, batches = learned(is_copied=False, **changes)
        copied, expected, more = learned(is_copied=True, **changes)
        assert (batches, more) == ([1, 2], [1, 4]), "each recording goes through the connector once"
        assert shared == pytest.approx(copied, rel=1e-5), changes
        assert gradients.keys() == expected.keys()
        for name, gradient in expected.items():
            torch.testing.assert_close(gradients[name], gradient, atol=1e-5, rtol=1e-4, msg=f"{name} with {changes}")
        results.append((shared, gradients))
    (apart, expected), *_, (together, gradients) = results  # questions behind one copy of the audio learn the same
    assert together == pytest.approx(apart, rel=1e-5)
    for name, gradient in expected.items():
        torch.testing.assert_close(gradients[name], gradient, atol=1e-5, rtol=1e-4, msg=name)


def test_each_row_gets_the_tokens_of_its_own_recording():
    learner, model = learner_of()
    x, y, z = (random_frames(model, seconds, seed) for seconds, seed in ((3, 0), (3, 1), (1, 2)))
    samples = {id(x): 48_000, id(y): 48_000, id(z): 16_000}
    order = [x, z, y, x, z]
    example = learner.example(ROWS[0])
    found = learner._audio(order, [samples[id(one)] for one in order], [example] * len(order))
    for one, tokens in zip(order, found, strict=True):
        torch.testing.assert_close(tokens, learner._audio([one], [samples[id(one)]], [example])[0])
    assert not torch.allclose(found[0], found[2])


def test_features_are_dropped_by_recording_throughout_it_and_the_rest_made_up_for():
    torch.manual_seed(0)
    dropout = FeatureDropout(0.25)
    frames = torch.ones(6, 40, 400)
    dropped = dropout(frames)
    assert dropped.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped)), "a feature is there throughout, or never"
    masks = dropped[:, 0] == 0
    assert len(masks.unique(dim=0)) == 6, "every recording has its own"
    assert masks.float().mean() == pytest.approx(0.25, abs=0.03)


def test_nothing_is_dropped_in_evaluation_or_with_a_share_of_nothing():
    frames = torch.randn(2, 10, 20)
    assert torch.equal(FeatureDropout(0.5).eval()(frames), frames)
    assert torch.equal(FeatureDropout(0.0).train()(frames), frames)
    with torch.autocast("cpu", torch.bfloat16):  # frames are cast once
        assert FeatureDropout(0.5)(torch.ones(1, 4, 8)).dtype == torch.bfloat16
        assert FeatureDropout(0.5).eval()(torch.ones(1, 4, 8)).dtype == torch.bfloat16
    assert FeatureDropout(0.5)(torch.ones(1, 4, 8)).dtype == torch.float32


def test_feature_dropout_is_of_training_alone_and_off_where_all_dropout_is():
    learner, model = learner_of(dropout=True, feature_dropout=0.9)
    frames = random_frames(model, 3, 0)

    def twice():
        return [learner._audio([frames], [48_000], [learner.example(ROWS[0])])[0] for _ in range(2)]

    assert not torch.equal(*twice())
    learner.eval()
    assert torch.equal(*twice())
    learner, _ = learner_of(dropout=False, feature_dropout=0.9)
    assert torch.equal(*twice())
