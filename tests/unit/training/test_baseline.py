"""The plain classifier learns what it is compared at, and is scored as the models are."""

import json

import numpy as np
import pytest
import torch

from model.audio.waveform import Waveform
from model.checkpoint import save_checkpoint
from tests.factories import small_model
from tests.small_recordings import RATE, data_set, pool_of
from training.baseline import FrameClassifier, active_runs, fit, main, predict, report, targets_of
from training.data.composer import SceneConfig
from training.data.manifest import Annotation, Row, write_manifest
from training.data.vocabulary import vocabulary
from training.data.wav import write_wav


def annotation(label, *spans):
    return Annotation(spans, "A sound.", label)


def row_of(*events, name="a"):
    return Row(id=name, audio=f"{name}.wav", task="dense_caption", duration=2.0, events=events)


def test_neighbouring_frames_are_a_stretch():
    for active, stretches in [
        ("", []),
        ("0000", []),
        ("1111", [(0.0, 0.08)]),
        ("0110", [(0.02, 0.06)]),
        ("1001", [(0.0, 0.02), (0.06, 0.08)]),
        ("00101", [(0.04, 0.06), (0.08, 0.1)]),
    ]:
        found = active_runs(torch.tensor([c == "1" for c in active], dtype=torch.bool))
        assert found == [(pytest.approx(a), pytest.approx(b)) for a, b in stretches]


def test_a_frame_is_of_what_sounds_in_it_and_every_known_event_has_one():
    row = row_of(
        annotation("dog", (0.0, 0.06), (0.0999, 0.1)),
        annotation("cat", (0.04, 0.041)),
        annotation("unknown", (0.0, 0.1)),
    )
    assert targets_of(row, ["dog", "cat"], 5).T.tolist() == [[1, 1, 1, 0, 0], [0, 0, 1, 0, 0]]
    assert targets_of(row, ["dog"], 6).T.tolist() == [[1, 1, 1, 0, 0, 1]]


def test_logits_of_every_frame_and_kind():
    assert FrameClassifier(12, ["a", "b", "c"])(torch.zeros(2, 50, 12)).shape == (2, 50, 3)


class Frames:
    """Features in which each label is a direction, and the model that hears them."""

    def __init__(self, rows):
        self.rendered = {row.audio: self.render(row) for row in rows}

    @staticmethod
    def render(row):
        labels = {"dog": 0, "rain": 1}
        frames = 0.1 * torch.randn(1, 100, 8, generator=torch.Generator().manual_seed(len(row.id)))
        for event in row.events:
            for start, end in event.intervals:
                frames[0, round(start * 50) : round(end * 50), labels[event.label]] += 3.0
        return frames[..., :4], frames[..., 4:]

    def frames(self, rows):
        return [self.rendered[row.audio] for row in rows]


def test_it_learns_to_tell_two_sounds_apart_and_says_when():
    torch.set_num_threads(1)
    rows = [
        row_of(
            annotation("dog", (n / 10, n / 10 + 0.8)),
            annotation("rain", (1.9 - n / 10 - 0.5, 1.9 - n / 10)),
            name=str(n),
        )
        for n in range(10)
    ]
    net = fit(rows, Frames(rows), 8, steps=40, rate=4e-3)
    assert net.kinds == tuple(vocabulary())
    assert not net.training

    class RainModel:
        def encode_segments(self, segments):
            return Frames.render(row_of(annotation("rain", (0.4, 1.2))))

    found = predict(net, RainModel(), Waveform(np.zeros(2 * RATE, np.float32)))
    assert [sound.kind for sound in found] == ["rain"]
    assert (found[0].start_s, found[0].end_s) == pytest.approx((0.4, 1.2), abs=0.15)


def test_who_names_nothing_scores_nothing_over_the_scenes_of_evaluate():
    model, _ = small_model()
    net = FrameClassifier(model.fusion.dim, list(vocabulary())).eval()
    configs = [SceneConfig(seconds=1.0, max_events=1)]
    found = report(net, model, pool_of("dog", "rain", seconds=0.4), configs, scenes=4, seed=7)
    assert (found.clip_f1.value, found.event_f1.value) == (0.0, 0.0)
    assert found.num_never_named == 2


def test_the_command_trains_and_scores(tmp_path, capsys):
    torch.set_num_threads(1)
    save_checkpoint(tmp_path / "model", *small_model(), dtype=torch.float32)
    data = data_set(tmp_path / "data", ("dog", 4, "a"), ("cat", 4, "b"))
    write_wav(tmp_path / "a.wav", np.zeros(2 * RATE, np.float32))
    write_manifest(tmp_path / "m.jsonl", [row_of(annotation("dog", (0.2, 0.9)))])
    given = [
        "--data", str(tmp_path / "m.jsonl"), "--recordings", str(data), "--model", str(tmp_path / "model"),
        "--steps", "2", "--scenes", "1", "--seconds", "1",
    ]  # fmt: skip
    assert main(given) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["scenes of"] for line in lines] == ["all kinds", "the ten kinds"]


def test_missing_data_is_reported(tmp_path, capsys):
    save_checkpoint(tmp_path / "model", *small_model(), dtype=torch.float32)
    given = ["--data", str(tmp_path / "m.jsonl"), "--recordings", str(tmp_path), "--model", str(tmp_path / "model")]
    assert main(given) == 2
    assert "m.jsonl" in capsys.readouterr().err
