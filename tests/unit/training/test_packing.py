"""Examples that share a row learn what they learn alone."""

import itertools

import pytest
import torch

from tests.factories import small_model
from training.data.manifest import Annotation, Row
from training.learner import Learner
from training.packing import assign_rows, pack
from training.stages import StageConfig
from training.variants import apply_stage_settings


def test_the_longest_come_first_into_the_first_row_with_room():
    assert assign_rows([3, 9, 4, 6, 1], 10) == [[1, 4], [3, 2], [0]]
    assert assign_rows([10, 1], 10) == [[0], [1]]
    assert assign_rows([11, 2], 10) == [[0], [1]], "longer than a row: alone"
    assert assign_rows([4, 5, 6], 0) == [[0], [1], [2]]


def test_positions_begin_anew_and_no_label_crosses_into_the_next_example():
    embeds = [torch.full((n, 1), float(n)) for n in (3, 2, 4)]
    labels = [torch.tensor([-100, 7, 8]), torch.tensor([-100, 9]), torch.tensor([-100, -100, 5, 6])]
    rows = pack(embeds, labels, 6)
    assert rows.embeds[..., 0].tolist() == [[4, 4, 4, 4, 2, 2], [3, 3, 3, 0, 0, 0]]
    assert rows.positions.tolist() == [[0, 1, 2, 3, 0, 1], [0, 1, 2, 0, 1, 2]]
    assert rows.labels.tolist() == [[-100, 5, 6, -100, 9, -100], [7, 8, -100, -100, -100, -100]]
    assert rows.mask is None
    alone = pack(embeds, labels, 0)
    assert alone.mask.sum(dim=1).tolist() == [3, 2, 4]
    assert alone.labels.tolist()[1] == [9, -100, -100, -100]


def gradients(packing, **changes):
    """The loss of four examples of 1 to 7 s, and what trains' gradients."""
    model, tokenizer = small_model()
    config = StageConfig(dropout=False, packing=packing, **changes)
    apply_stage_settings(model, tokenizer, config)
    torch.manual_seed(0)
    learner = Learner(model, tokenizer, config).train()
    frames, rows = [], []
    for place, seconds in enumerate((1, 3, 2, 7)):
        shape = (1, seconds * 50)
        frames.append((torch.randn(*shape, model.speech.dim), torch.randn(*shape, model.sound.dim)))
        events = (Annotation(((0.2, 0.8),)),)
        rows.append(
            Row(id=str(place), audio="x", task="ground", query="a dog", duration=float(seconds), events=events)
        )  # fmt: skip
    loss = learner(frames, [round(16_000 * row.duration) for row in rows], [learner.example(row) for row in rows])
    loss.backward()
    found = {name: p.grad for name, p in learner.named_parameters() if p.requires_grad}
    return float(loss.detach()), found, learner


def test_packed_examples_have_the_loss_and_gradients_that_they_have_alone():
    alone, gradient, _ = gradients(0)
    for most, checkpointing in itertools.product((10, 130, 4000), (False, True)):
        packed, same, _ = gradients(most, activation_checkpointing=checkpointing)
        assert packed == pytest.approx(alone, rel=1e-5), (most, checkpointing)
        for name, expected in gradient.items():
            torch.testing.assert_close(same[name], expected, atol=1e-5, rtol=1e-4, msg=f"{name} at {most}")


def test_training_inserts_the_same_anchors_as_serving_and_they_train_the_markers():
    _, without, _ = gradients(0)
    _, anchored, learner = gradients(0, anchor_seconds=2)
    anchor, never = learner.marker_places[learner.marker_ids[[6, 19]]].tolist()  # "6", and ".9"
    assert without["embedding_rows"][anchor].abs().sum() == 0, "no answer here says it"
    assert anchored["embedding_rows"][anchor].abs().sum() > 0
    assert anchored["embedding_rows"][never].abs().sum() == 0
    model, tokenizer = small_model()
    apply_stage_settings(model, tokenizer, StageConfig(anchor_seconds=2))
    learner = Learner(model, tokenizer, StageConfig(dropout=False, anchor_seconds=2)).eval()
    model.eval()
    frames = torch.randn(1, 350, model.speech.dim), torch.randn(1, 350, model.sound.dim)
    example = learner.example(Row(id="x", audio="x", task="ground", query="a dog", duration=7.0))
    with torch.no_grad():
        torch.testing.assert_close(learner._audio([frames], [112_000], [example])[0], model.audio_tokens(*frames)[0])
