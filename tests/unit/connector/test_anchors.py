"""Time anchors among the audio tokens: which times, at which places, with the embeddings of the markers."""

import dataclasses

import pytest
import torch

from model.checkpoint import load_checkpoint, save_checkpoint
from model.config import AnchorConfig, MergeConfig, ModelConfig
from model.connector.anchors import anchors_of, interleave
from model.errors import CheckpointError
from tests.factories import small_model

MARKERS = tuple(range(100, 120))


def test_a_time_precedes_the_first_window_at_or_after_it():
    for count, every, ids, windows in [
        (1, 5, (100, 110), (0, 0)),  # 0.34 s: only "0.0"
        (15, 5, (100, 110), (0, 0)),  # 5.1 s: only the 16th window would start at 5 s or later
        (16, 5, (100, 110, 105, 110), (0, 0, 15, 15)),
        (60, 10, (100, 110, 101, 100, 110, 102, 100, 110), (0, 0, 30, 30, 30, 59, 59, 59)),
        (59, 10, (100, 110, 101, 100, 110), (0, 0, 30, 30, 30)),
    ]:
        found = anchors_of(count, 17, every, MARKERS)
        assert (found.ids, found.windows) == (ids, windows)


def test_the_anchors_of_each_row_precede_its_own_tokens():
    tokens = torch.tensor([[[1.0], [2], [3]], [[1.0], [2], [3]]])
    places = torch.tensor([[0, 15, 16], [4, 5, 40]])
    anchors = torch.tensor([[90.0], [91], [92], [93]])  # two markers at window 0, two at window 15
    found = interleave(tokens, places, anchors, (0, 0, 15, 15))
    assert found[..., 0].tolist() == [[90, 91, 1, 92, 93, 2, 3], [90, 91, 1, 2, 92, 93, 3]]


def test_anchors_are_added_and_other_tokens_do_not_change():
    model, tokenizer = small_model(merge=MergeConfig())
    plain_config, anchored_config = (
        model.config,
        dataclasses.replace(model.config, anchors=AnchorConfig(every_seconds=2)),
    )
    for seconds in (6, 61):
        frames = torch.randn(2, seconds * 50, model.speech.dim), torch.randn(2, seconds * 50, model.sound.dim)
        with torch.no_grad():
            model.config = plain_config
            plain = model.audio_tokens(*frames)
            model.config = anchored_config
            anchored = model.audio_tokens(*frames)
            embedding = model.llm.get_input_embeddings().weight
        anchors = model.anchors(seconds * 50)
        assert anchored.shape[1] == plain.shape[1] + len(anchors.ids)
        assert tokenizer.decode(list(anchors.ids[:4])) == "<a_0><f_0><a_2><f_0>"
        torch.testing.assert_close(anchored[:, 0], embedding[anchors.ids[0]].expand(2, -1))
        for row in range(2):
            is_time = (anchored[row][:, None] == embedding[list(tokenizer.marker_ids)]).all(dim=2).any(dim=1)
            torch.testing.assert_close(anchored[row][~is_time], plain[row])
            assert int(is_time.sum()) == len(anchors.ids)


def test_a_checkpoint_keeps_its_anchors(tmp_path):
    model, tokenizer = small_model(anchors=AnchorConfig(every_seconds=3))
    save_checkpoint(tmp_path, model, tokenizer, dtype=torch.float32)
    again, _ = load_checkpoint(tmp_path)
    assert again.anchors(500) == model.anchors(500) != model.anchors(50)


def test_invalid_anchor_settings_are_rejected():
    for fields, message in [
        ({"anchors": AnchorConfig(every_seconds=-1)}, "0 or more"),
        ({"anchors": AnchorConfig(every_seconds=5), "merge": MergeConfig(method="released")}, "in time order"),
    ]:
        with pytest.raises(CheckpointError, match=message):
            ModelConfig(name="x", tasks=("ground",), **fields)
