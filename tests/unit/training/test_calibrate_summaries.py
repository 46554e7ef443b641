"""The confidence of summaries: when a section is right, and a function that separates right from wrong ones."""

import numpy as np
import pytest
import torch

from model.audio.waveform import Waveform
from model.checkpoint import load_checkpoint, save_checkpoint
from model.confidence import Features
from model.encoders.transcriber import Transcriber, TranscriberConfig
from model.pipeline import Pipeline
from model.timeline.interval import Interval
from model.timeline.sections import FOREIGN
from model.timeline.words import OTHER_LANGUAGE
from tests.factories import small_model
from tests.small_recordings import noise
from training import calibrate_summaries
from training.calibrate import main
from training.calibrate_summaries import ScoredSection, fit_summaries, is_right
from training.data.manifest import Row, SpokenWord, write_manifest
from training.data.recordings import DataError
from training.data.wav import write_wav


def spoken(*words):
    timed = tuple(SpokenWord(word, float(second), second + 0.5) for second, word in enumerate(words))
    return Row(id="a", audio="a", task="summarize", duration=10.0, words=timed)


@pytest.mark.parametrize(
    ("caption", "words", "expected"),
    [
        ("The storm broke the harbour.", ("the", "storm", "broke", "a", "crane"), True),
        ("The storm broke the harbour.", ("the", "mayor", "opened", "the", "harbour"), False),
        ("And so on.", ("and", "so", "on", "mayor"), True),
        ("And so on.", (), False),
        (FOREIGN, (OTHER_LANGUAGE, OTHER_LANGUAGE, "no"), True),
        (FOREIGN, ("the", "storm"), False),
        ("The storm.", (OTHER_LANGUAGE, OTHER_LANGUAGE), False),
    ],
)
def test_a_section_is_right_if_half_of_its_content_words_are_said(caption, words, expected):
    assert is_right(caption, Interval(0, 60), spoken(*words)) is expected


def test_words_said_at_another_time_do_not_count():
    row = spoken("storm", "harbour", "x", "x", "x", "x", "mayor", "bridge")
    assert is_right("Storm harbour.", Interval(0, 20), row)
    assert not is_right("Storm harbour.", Interval(50, 80), row)


def test_surer_words_give_more_confidence():
    rng = np.random.default_rng(0)
    scored = []
    for _ in range(200):
        sure = float(rng.uniform(-3, 0))
        features = Features(start=0.0, end=0.0, words=sure, least=2 * sure, length=2.0, evidence=0.5)
        scored.append(ScoredSection(features, bool(rng.random() < 1 / (1 + np.exp(-4 * (sure + 1.5))))))
    confidence = fit_summaries(scored)
    low, high = (confidence(Features(0.0, 0.0, w, 2 * w, 2.0, 0.5)) for w in (-2.8, -0.2))
    assert low < 0.15
    assert high > 0.85


def test_right_and_wrong_sections_are_needed():
    with pytest.raises(DataError, match="right and wrong sections"):
        fit_summaries([ScoredSection(Features(0.0, 0.0, -1.0, -1.0, 2.0, 0.5), True)] * 3)


def test_the_command_adds_to_a_checkpoint_that_can_be_loaded(tmp_path, monkeypatch, capsys):
    model, tokenizer = small_model(tasks=("dense_caption", "summarize"))
    torch.manual_seed(5)
    model.transcriber = Transcriber(TranscriberConfig(dim=32, num_layers=1, num_heads=4, feed_forward_dim=64))
    save_checkpoint(tmp_path / "said", model, tokenizer, dtype=torch.float32)
    rows = []
    for number in range(6):
        write_wav(tmp_path / f"{number}.wav", noise(4.0, seed=number))
        rows.append(Row(id=str(number), audio=f"{number}.wav", task="dense_caption", duration=4.0))
    write_manifest(tmp_path / "m.jsonl", rows)
    arguments = ["--model", str(tmp_path / "said"), "--summaries", str(tmp_path / "m.jsonl")]
    assert main(arguments) == 2
    assert "right and wrong sections" in capsys.readouterr().err
    monkeypatch.setattr(calibrate_summaries, "is_right", lambda caption, interval, row: int(row.id) % 4 < 2)
    assert main(arguments) == 0
    assert "with a confidence of 0.5 or more" in capsys.readouterr().out
    calibration = load_checkpoint(tmp_path / "said")[0].calibration
    assert calibration is not None
    assert calibration.tasks.keys() == {"summarize"}
    pipeline = Pipeline.load(tmp_path / "said")
    [event, *_] = pipeline.answer(pipeline.encode(Waveform(noise(4.0, seed=1))), "summarize", "What is said?").events
    assert event.intervals[0].confidence is not None


def test_a_manifest_with_problems_is_refused(tmp_path, capsys):
    model, tokenizer = small_model()
    save_checkpoint(tmp_path / "said", model, tokenizer, dtype=torch.float32)
    (tmp_path / "scenes.jsonl").write_text('{"audio": "a.wav", "samples": 1, "events": []}\n')
    assert main(["--model", str(tmp_path / "said"), "--summaries", str(tmp_path / "scenes.jsonl")]) == 2
    assert "timeaudio calibrate:" in capsys.readouterr().err
