"""Scores of free questions: by the command with a real model, and with answers that are known."""

import json
import re

import pytest
import torch

from model.checkpoint import save_checkpoint
from model.engine.updates import ParsedAnswer
from model.timeline.event import Event
from model.timeline.interval import Interval
from tests.factories import small_model
from tests.small_recordings import data_set, pool_of
from training import question_report
from training.data.composer import SceneConfig
from training.data.questions import held_out_wordings
from training.evaluate import main

EVERYTHING = ParsedAnswer((Event((Interval(0, 100),), ""),), "Yes, at 0.0 - 10.0 seconds.", 0, 0)
NOTHING = ParsedAnswer((), "No, that is not heard.", 0, 0)


@pytest.fixture
def answer_with(monkeypatch):
    """`answer_with(answer)` scores eight scenes of one sound each, in which every question has the same answer."""

    def scores(answer):
        asked = []

        def answers(pipeline, waveform, questions):
            asked.extend(questions)
            return [answer] * len(questions)

        monkeypatch.setattr(question_report, "_answers", answers)
        config = SceneConfig(seconds=10.0, min_events=1, max_events=1)
        report = question_report.score_questions(None, pool_of("dog"), [config], scenes=8, seed=1)
        return report.to_json(), asked

    return scores


def test_yes_to_everything_is_right_about_present_sounds_alone(answer_with):
    scores, asked = answer_with(EVERYTHING)
    assert (scores["yes"], scores["no"], scores["off_topic"], scores["other_language"]) == (1.0, 0.0, 0.0, 0.0)
    assert scores["when"]["answered"] == 1.0
    assert scores["when"]["miou"] > 0
    assert len(asked) == 4 * 8
    wordings = held_out_wordings()
    assert set(wordings.off_topic.questions[:4]) | set(wordings.other_language.questions[:4]) <= set(asked)


def test_no_to_everything_is_right_about_absent_sounds_alone(answer_with):
    scores, _ = answer_with(NOTHING)
    assert (scores["yes"], scores["no"], scores["off_topic"], scores["other_language"]) == (0.0, 1.0, 0.0, 0.0)
    assert (scores["when"]["answered"], scores["when"]["miou"]) == (0.0, 0.0)


def test_a_fixed_sentence_is_right_only_where_it_belongs(answer_with):
    scores, _ = answer_with(ParsedAnswer((), held_out_wordings().other_language.answer, 0, 0))
    assert (scores["off_topic"], scores["other_language"]) == (0.0, 1.0)


def test_the_command_scores_questions_of_a_checkpoint_that_answers_them(tmp_path, capsys):
    for name, tasks in (("answers", ("dense_caption", "ask")), ("captions", ("dense_caption",))):
        save_checkpoint(tmp_path / name, *small_model(tasks=tasks), dtype=torch.float32)
    data_set(tmp_path / "recordings", ("dog", 4, "a"), ("cat", 4, "b"))
    given = ["--data", str(tmp_path / "recordings"), "--scenes", "2", "--seconds", "1.5", "--questions"]
    assert main([*given, "--model", str(tmp_path / "answers"), "--json", str(tmp_path / "scores.json")]) == 0
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["num_scenes"] == 2
    assert {"yes", "no", "when", "off_topic", "other_language"} <= scores.keys()
    assert "in wordings never trained on" in " ".join(capsys.readouterr().out.split())
    assert main([*given, "--model", str(tmp_path / "captions")]) == 2
    assert re.search("--questions: .* was trained for dense_caption, not for questions", capsys.readouterr().err)
