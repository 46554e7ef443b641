"""The plain classifier learns what it is compared at, and is scored as the models are."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from training.baseline import FRAME_SAMPLES, FrameClassifier, clip_f1, fit, kinds_of, main, targets_of
from training.data.composer import PlacedEvent, Pool, SceneConfig

SECOND = 16_000


def burst(hz: float) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(SECOND) / SECOND).astype(np.float32)


def test_a_frame_is_of_the_events_in_its_middle_and_every_event_has_one():
    events = [PlacedEvent("a", 0, 3 * FRAME_SAMPLES), PlacedEvent("b", 2 * FRAME_SAMPLES, 2 * FRAME_SAMPLES + 1)]
    assert targets_of(events, ["a", "b"], 5).T.tolist() == [[1, 1, 1, 0, 0], [0, 0, 1, 0, 0]]


def test_logits_of_every_frame_and_kind():
    assert FrameClassifier(3)(torch.zeros(2, SECOND)).shape == (2, 25, 3)


def test_it_learns_to_tell_two_sounds_apart():
    pool = Pool({"low": [burst(300)], "high": [burst(3000)]}, {"noise": [np.random.default_rng(0).normal(size=SECOND)]})
    scene = replace(SceneConfig(), seconds=2.0, max_events=2, other_share=0.3)
    torch.set_num_threads(1)
    net = fit(pool, scene, steps=60, batch_size=8)
    assert clip_f1(net, kinds_of(pool), pool, scene, scenes=20, seed=7).value > 0.9
    untrained = FrameClassifier(3).eval()
    assert clip_f1(untrained, kinds_of(pool), pool, scene, scenes=20, seed=7).value < 0.1


def test_data_that_is_not_there_is_told(tmp_path, capsys):
    assert main(["--data", str(tmp_path), "--steps", "1"]) == 2
    assert "clips.csv" in capsys.readouterr().err


@pytest.mark.parametrize("steps", [1, 2])
def test_the_same_steps_make_the_same_net(steps):
    pool, scene = Pool({"low": [burst(300)]}), replace(SceneConfig(), seconds=1.0, max_events=1)
    first, second = (fit(pool, scene, steps=steps, batch_size=1) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
