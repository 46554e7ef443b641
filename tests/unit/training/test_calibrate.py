"""Fitting confidence: the regression, what is right in an answer, and the command."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from model.checkpoint import CALIBRATION, WORDS, load_checkpoint, save_checkpoint
from model.confidence import Calibration, Features, features_of
from model.pipeline import Pipeline
from model.timeline.parser import parse
from model.timeline.task import TASKS
from tests.factories import small_model
from tests.small_recordings import data_set, noise, pool_of
from training import calibrate as command
from training import word_map
from training.calibrate import SceneQuestions, calibrate, main, scene_configs, scored_intervals
from training.calibrate_captions import known_captions
from training.calibration_report import ScoredInterval, measure
from training.data.composer import PlacedEvent, Scene, SceneConfig
from training.data.manifest import Annotation, Row, write_manifest
from training.data.vocabulary import vocabulary
from training.logistic import fit


def random_intervals(seed: int, number: int = 3000) -> list[ScoredInterval]:
    """Intervals that are right as often as a known function says."""
    rng = np.random.default_rng(seed)
    found = []
    for row in -3 * rng.random((number, 6)):
        share = 1 / (1 + math.exp(-(2.5 + row[0] + 0.5 * row[2])))
        found.append(ScoredInterval("dense_caption", Features(*map(float, row)), bool(rng.random() < share)))
    return found


def test_two_groups_get_their_shares() -> None:
    features = np.repeat([[0.0], [1.0]], 100, axis=0)
    right = np.array([i % 5 == 0 for i in range(100)] + [i % 5 != 0 for i in range(100)])  # 20 % and 80 %
    bias, (weight,) = fit(features, right, positive=np.array([True]))
    shares = [1 / (1 + math.exp(-(bias + weight * x))) for x in (0, 1)]
    assert shares == pytest.approx([0.2, 0.8], abs=0.005)
    _, (held,) = fit(1 - features, right, positive=np.array([True]))
    assert held == 0.0
    _, (free,) = fit(1 - features, right, positive=np.array([False]))
    assert free == pytest.approx(-weight, abs=1e-4)


def test_what_is_fitted_on_some_holds_for_others() -> None:
    calibration = calibrate(random_intervals(0))
    assert calibration.tasks.keys() == {"dense_caption"}  # there are no intervals of the other tasks
    rows = measure(calibration, random_intervals(1))
    assert [row.task for row in rows] == ["dense_caption", "all"]
    for row in rows:
        assert row.intervals == 3000
        assert row.mean == pytest.approx(row.right, abs=0.03)
        assert row.ece is not None
        assert row.raw_ece is not None
        assert row.ece < 0.04 < row.raw_ece
        assert row.auc is not None
        assert row.auc > 0.65
        assert 0 < row.confident < 3000
        assert row.confident_right is not None
        assert row.confident_right > max(0.7, row.right)


class Dictated:
    """A pipeline with fixed answers that records the questions."""

    def __init__(self, answers: dict[str, str]) -> None:
        self.tokenizer, self.answers, self.questions = small_model()[1], answers, []

    def encode(self, waveform):
        return waveform.duration_tenths

    def ask(self, duration, task, question):
        self.questions.append((task, question))
        text = self.answers[task]
        ids = self.tokenizer.encode(text)
        completion = SimpleNamespace(ids=ids, grammar_log_probs=[-0.1] * len(ids))
        answer = SimpleNamespace(separate=tuple(parse(text, task, duration)))

        def features(events, ids, log_probs):
            return features_of(events, ids, log_probs, self.tokenizer.vocabulary, task, lambda *_: 0.5)

        return SimpleNamespace(
            answer=lambda: answer, sequence=SimpleNamespace(completion=completion), features=features
        )


SCENE = Scene(noise(10.0), (PlacedEvent("dog", 0, 32_000), PlacedEvent("unknown:zipper", 48_000, 64_000)))
NEAR, FAR, UNKNOWN = "<a_0><f_2> - <a_1><f_9>", "<a_6><f_0> - <a_8><f_0>", "<a_3><f_0> - <a_4><f_0>"
"""1.7 of 2 s of the dog; silence; the sound of an unknown kind."""


def scored(dense: str = "No sound events are heard.", seed: int = 0) -> tuple[list[tuple[str, bool]], SceneQuestions]:
    pipeline = Dictated(
        {
            "dense_caption": dense,
            "ground": f"The given query happens in {NEAR} seconds.",
            "ask": f"Yes, at {NEAR}, {FAR} seconds.",
        }
    )
    scene = SceneQuestions(pipeline, SCENE, np.random.default_rng(seed))
    return [(row.task, row.is_right) for row in scene.intervals()], scene


def test_an_interval_is_right_where_its_kind_sounds_and_captions_that_say_unknown_are_left_out() -> None:
    dense = (
        f"{NEAR} seconds, A dog barks. {NEAR} seconds, A cat meows. {FAR} seconds, A dog barks."
        f" {UNKNOWN} seconds, An unidentified sound is heard. {UNKNOWN} seconds, A theremin plays."
    )
    found = [is_right for task, is_right in scored(dense)[0] if task == "dense_caption"]
    assert found == [True, False, False, False]


def test_a_query_is_right_by_its_own_kind_and_half_of_the_queries_are_for_what_is_absent() -> None:
    query_kinds, is_dog = [], set()
    for seed in range(20):
        found, scene = scored(seed=seed)
        assert [is_right for task, is_right in found if task == "ground"] == [True, False]
        query_kinds += [kind for task, kind, _ in scene.questions if task == "ground"]
        (kind,) = [kind for task, kind, _ in scene.questions if task == "ask"]
        assert [is_right for task, is_right in found if task == "ask"] == [kind == "dog", False]
        is_dog.add(kind == "dog")
    assert query_kinds[::2] == ["dog"] * 20
    assert len(set(query_kinds[1::2])) > 10
    assert not {"dog", "unknown"} & set(query_kinds[1::2])
    assert is_dog == {True, False}
    assert set(query_kinds) <= vocabulary().keys()


def test_scored_intervals_are_reproducible() -> None:
    model, tokenizer = small_model(tasks=TASKS)
    pipeline = Pipeline(model, tokenizer, num_slots=4)
    configs = [SceneConfig(seconds=1.0, max_events=1), SceneConfig(seconds=1.5, min_events=0, max_events=0)]
    pool = pool_of("dog", "rain", seconds=0.4)
    one, two = (scored_intervals(pipeline, pool, configs, scenes=3, seed=1) for _ in range(2))
    assert one == two
    assert {row.task for row in one} <= set(command.TASKS)


def test_scenes_to_fit_on_are_as_in_training_and_plain() -> None:
    configs = scene_configs()
    assert {config.room_probability > 0 for config in configs} == {True, False}
    assert {config.seconds for config in configs} == {5.0, 10.0, 15.0}
    assert all(config.other_share > 0 for config in configs)


def test_the_command_fits_on_one_half_and_measures_on_the_other(tmp_path, monkeypatch, capsys) -> None:
    save_checkpoint(tmp_path / "model", *small_model(), dtype=torch.float32)
    data = data_set(tmp_path / "data", *[("dog", 4, name) for name in "abcde"])
    calls = []

    def record_call(pipeline, pool, configs, *, scenes, seed):
        calls.append((len(pool.parts["dog"]), scenes, seed))
        return random_intervals(seed, 500)

    events = (Annotation(((0.0, 0.4),), "A gun is fired.", "gunshot"),)
    recording = next(str(path) for path in data.rglob("*.wav"))
    shot = Row(id="x", audio=recording, task="dense_caption", events=events)
    write_manifest(tmp_path / "mine.jsonl", [shot])
    words = ["--data", str(data), "--model", str(tmp_path / "model"), "--scenes", "2", "--seed", "3"]
    words += ["--captions", str(tmp_path / "mine.jsonl")]
    expected = replace(calibrate(random_intervals(3, 500)), captions=known_captions([shot]))
    (tmp_path / "model" / CALIBRATION).write_text("{}")  # of an older version: it is replaced
    monkeypatch.setattr(command, "scored_intervals", record_call)
    monkeypatch.setattr(word_map, "QUESTIONS_PER_KIND", 1)
    assert main(words) == 0
    assert calls == [(3, 2, 3), (2, 2, 4)]
    assert Calibration.read(tmp_path / "model" / CALIBRATION) == expected
    about = json.loads((tmp_path / "model" / CALIBRATION).read_text())["about"]
    assert (about["fitted_on"], about["measured"][0]["intervals"]) == (500, 500)
    assert load_checkpoint(tmp_path / "model")[0].word_map is not None
    assert main([*words, "--out", str(tmp_path / "apart.json")]) == 0
    assert (tmp_path / WORDS).is_file()
    assert Calibration.read(tmp_path / "apart.json") == expected
    monkeypatch.setattr(command, "scored_intervals", lambda *_, **__: [])
    assert main(words) == 2
    assert "too few intervals" in capsys.readouterr().err


def test_captions_are_known_by_kind_or_label_or_else_by_their_own_words() -> None:
    span = ((0.0, 1.0),)
    events = (
        Annotation(span, "A gun is fired.", "gun_shot"), Annotation(span, "A gun is fired.", "gun_shot"),
        Annotation(span, "My dog barks.", "dog"), Annotation(span, "A drone hums."),
        Annotation(span, "An unidentified sound is heard."),
    )  # fmt: skip
    known = known_captions([Row(id="x", audio="dog.wav", task="dense_caption", duration=1.0, events=events)]).captions
    assert known["gun shot"] == ("A gun is fired.",)
    assert known["dog"] == (*vocabulary()["dog"].captions, "My dog barks.")
    assert known["a drone hums"] == ("A drone hums.",)
    assert len(known) == len(vocabulary()) + 2


def test_missing_data_is_reported(tmp_path, capsys) -> None:
    assert main(["--data", str(tmp_path), "--model", str(tmp_path)]) == 2
    assert "meta/esc50.csv" in capsys.readouterr().err
    data = data_set(tmp_path / "data", ("dog", 4, "a"), ("dog", 4, "a"))
    assert main(["--data", str(data), "--model", str(tmp_path)]) == 2
    assert "in half 1" in capsys.readouterr().err
