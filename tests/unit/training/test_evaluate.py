"""Scores on composed scenes: with a pipeline that knows what is in them, and with one that does not."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from model.checkpoint import save_checkpoint
from model.engine.updates import ParsedAnswer
from model.timeline.event import Event
from model.timeline.interval import Interval
from tests.factories import small_model
from tests.small_recordings import data_set, noise
from training.data.answers import ABSENT, by_kind
from training.data.composer import PlacedEvent, Scene
from training.data.paraphrases import paraphrases
from training.data.vocabulary import held_out_wordings, unknown_captions, vocabulary
from training.evaluate import EvaluationSettings, calibration_samples, evaluate_scene, main, named_intervals
from training.metrics.captions import says_unknown
from training.scene_report import SceneReport


def event(caption, *spans):
    return Event(tuple(Interval(*span) for span in spans), caption)


def test_only_captions_of_unknown_sounds_say_unknown():
    assert [caption for caption in unknown_captions() if not says_unknown(caption)] == []
    known = [caption for words in vocabulary().values() for caption in words.captions]
    assert [caption for caption in (*known, *sum(paraphrases().values(), ())) if says_unknown(caption)] == []
    assert says_unknown("AN UNIDENTIFIED SOUND IS HEARD.")


def test_captions_that_say_unknown_are_left_out_and_captions_without_a_keyword_have_no_kind():
    events = [
        event("A dog barks.", (0, 10), (20, 30)), event("An unidentified sound is heard.", (5, 9)),
        event("A theremin plays.", (40, 50)),
    ]  # fmt: skip
    assert named_intervals(events) == [("dog", Interval(0, 10)), ("dog", Interval(20, 30)), (None, Interval(40, 50))]


def test_an_interval_is_right_from_an_iou_of_one_half_with_its_own_kind():
    present = {"dog": [Interval(0, 10), Interval(50, 60)], "rain": [Interval(0, 100)], "unknown": [Interval(70, 80)]}
    events = [
        Event((Interval(0, 5, 0.9), Interval(0, 4, 0.8), Interval(52, 61, 0.7)), "A dog barks."),
        Event((Interval(0, 10, 0.6),), "A cat meows."),
        Event((Interval(70, 80, 0.5),), "An unidentified sound is heard."),
        Event((Interval(70, 80, 0.4),), "A theremin plays."),
        Event((Interval(0, 100),), "It is raining."),
    ]
    samples = calibration_samples(events, present)
    assert [(c.confidence, c.is_right) for c in samples] == [
        (0.9, True), (0.8, False), (0.7, True), (0.6, False), (0.4, False),
    ]  # fmt: skip


class Knowing:
    """Answers what is written down for dense captions, and the truth to every query."""

    def __init__(self, scene, *dense):
        self.present, self.dense, self.queries = by_kind(scene.events, len(scene.samples)), dense, []

    def encode(self, waveform):
        return SimpleNamespace(num_samples=waveform.num_samples)

    def answer(self, recording, task, question, decoding, *, num_passes):
        if task == "dense_caption":
            return ParsedAnswer(self.dense, "somewhere" if self.dense else "?", 0, 0)
        query = re.search("'(.*)'", question)[1]
        self.queries.append(query)
        kind = next(k for k, wordings in self.wordings().items() if query in [" ".join(w.split()) for w in wordings])
        found = self.present.get(kind)
        return ParsedAnswer((Event(tuple(found), ""),), "", 0, 0) if found else ParsedAnswer((), ABSENT, 0, 0)

    @staticmethod
    def wordings():
        trained = {kind: words.queries for kind, words in vocabulary().items()}
        return {k: [q.rstrip(".") for q in (*held_out_wordings()[k], *trained[k])] for k in trained}


SCENE = Scene(
    noise(10.0),
    (
        PlacedEvent("dog", 0, 16_000), PlacedEvent("unknown:zipper", 32_000, 48_000), PlacedEvent("rain", 0, 160_000),
        PlacedEvent("dog", 64_000, 80_000),
    ),
)  # fmt: skip


def scored(*dense, trained=False):
    results, queries = [], []
    for seed in range(12):
        pipeline = Knowing(SCENE, *dense)
        setting = EvaluationSettings(trained_wordings=trained)
        results.append(evaluate_scene(pipeline, SCENE, np.random.default_rng(seed), setting))
        queries += pipeline.queries
    return SceneReport(tuple(results), {}), queries


def test_who_knows_has_full_marks():
    report, queries = scored(
        event("A dog is barking.", (0, 10), (40, 50)), event("It is raining.", (0, 100)),
        event("Some sound is heard that cannot be named.", (20, 30)),
    )  # fmt: skip
    assert (report.event_f1.value, report.clip_f1.value) == (1.0, 1.0)
    assert (report.grounding.miou, report.grounding.absent_accuracy) == (1.0, 1.0)
    assert [(r.num_unreadable, r.num_outside) for r in report.results] == [(0, 0)] * 12
    assert len(queries) == 24
    assert set(queries) <= {" ".join(q.split()).rstrip(".") for some in held_out_wordings().values() for q in some}


def test_a_name_for_an_unknown_sound_costs_precision():
    report, _ = scored(
        event("A dog is barking.", (0, 10), (40, 50)), event("It is raining.", (0, 100)),
        event("A zipper is closed.", (20, 30)),
    )  # fmt: skip
    assert report.event_f1.value == pytest.approx(2 * 3 / (3 + 4))


def test_what_cannot_be_read_or_lies_outside_is_counted():
    report, queries = scored(event("A dog is barking.", (90, 120)), trained=True)
    assert [(r.num_unreadable, r.num_outside) for r in report.results] == [(0, 1)] * 12
    assert set(queries) <= {q for words in vocabulary().values() for q in words.queries}
    report, _ = scored()
    assert {r.num_unreadable for r in report.results} == {1}


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    save_checkpoint(folder / "start", *small_model(), dtype=torch.float32)
    data_set(folder / "recordings", ("dog", 4, "a"), ("cat", 4, "b"), ("owl", 4, "c"), ("rain", 1, "d"))
    return folder


def test_the_command_writes_the_scores_of_a_checkpoint(start, tmp_path, capsys):
    given = [
        "--data", str(start / "recordings"), "--model", str(start / "start"), "--scenes", "1", "--seconds", "1.5",
    ]  # fmt: skip
    assert main([*given, "--json", str(tmp_path / "a.json")]) == 0
    assert main([*given, "--json", str(tmp_path / "b.json"), "--realistic"]) == 0
    plain, realistic = (json.loads((tmp_path / f"{name}.json").read_text()) for name in "ab")
    assert plain["setting"]["scenes"] == 1
    assert plain["setting"]["seconds"] == [1.5]
    assert {"event_f1", "clip_macro_f1", "kinds_never_named"} <= plain.keys()
    assert plain["setting"]["drawn"] == {}
    assert realistic["setting"]["drawn"]["room_probability"] > 0, "it lists what differs from plain scenes"
    capsys.readouterr()


def test_invalid_data_is_reported(start, tmp_path, capsys):
    given = ["--data", str(start / "recordings"), "--model", str(start / "start"), "--scenes", "1"]
    assert main([*given, "--kinds", "theremin"]) == 2
    assert "No held-out recording has kind theremin; known: cat, dog." in capsys.readouterr().err
    assert main([*given, "--half", "1"]) == 2
    assert "in half 1" in capsys.readouterr().err
    assert main(["--data", str(tmp_path)]) == 2
    for ignored in (("--beams", "2"), ("--wordings", "trained"), ("--pass-seconds", "30"), ("--meteor",)):
        assert main([*given, "--questions", *ignored]) == 2
    assert main([*given, "--seconds", "0"]) == 2
    assert "meta/esc50.csv" in capsys.readouterr().err
