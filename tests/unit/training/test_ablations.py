"""What ablations change, and that a set of them runs from one command."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from model.audio.waveform import Waveform
from model.checkpoint import save_checkpoint
from model.config import MergeConfig
from model.connector.merge import dominance
from model.connector.qformer import AttentionStats
from model.language.markers import marker_rows
from model.pipeline import Decoding, Pipeline
from tests.factories import small_model
from training.ablations import SETS, as_markdown
from training.ablations import main as ablate
from training.data.manifest import Annotation, Row, write_manifest
from training.data.wav import write_wav
from training.learner import Learner
from training.stage_data import FeatureExtractor
from training.stages import MERGE_SCORES, StageConfig, load_stage
from training.variants import apply_stage_settings, generate_answers


def test_every_row_of_every_set_is_a_stage():
    for variants in SETS.values():
        for variant in variants:
            load_stage("paper-1", list(variant.settings))
    assert len(SETS["components"]) == 6
    assert [v.settings for v in SETS["ratio"]][3] == ("retained_ratio = 0.25",)


def test_the_defaults_change_nothing():
    model, tokenizer = small_model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    config = model.config
    apply_stage_settings(model, tokenizer, StageConfig())
    assert model.config == config
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_each_setting_changes_what_it_says():
    model, tokenizer = small_model()
    ids = list(tokenizer.marker_ids)
    embedding = model.llm.get_input_embeddings()
    with torch.no_grad():
        embedding.weight[ids] = 9.0
        model.connector.time_encoding.weight.fill_(1.0)
    apply_stage_settings(model, tokenizer, StageConfig(markers="initialised"))
    assert torch.allclose(embedding.weight[ids], marker_rows(embedding.weight, tokenizer))
    assert model.connector.time_encoding.weight.min() == 1.0
    apply_stage_settings(
        model, tokenizer, StageConfig(markers="random", time_encoding=False, retained_ratio=0.1, merge_score="norm")
    )
    assert not torch.allclose(embedding.weight[ids], marker_rows(embedding.weight, tokenizer))
    assert not model.connector.time_encoding.weight.any()
    assert (model.config.merge.num_dominant, model.config.merge.score) == (9, "norm")
    assert model.connector.merge == model.config.merge
    apply_stage_settings(model, tokenizer, StageConfig(merging=False))
    assert not model.connector.merge.enabled


def test_tokens_are_dominant_by_attention_by_their_frames_by_length_or_evenly():
    tokens = torch.tensor([[[3.0], [1.0], [2.0], [0.0]]])
    attended = AttentionStats(torch.tensor([[0.1, 0.2, 0.3, 0.4]]), tokens, mass=torch.tensor([[0.3, 0.3, 0.2, 0.2]]))

    def chosen(score):
        scores = dominance(MergeConfig(score=score), tokens, attended, 2)
        return sorted(scores.topk(2, dim=1).indices[0].tolist())

    assert [chosen(score) for score in MERGE_SCORES] == [[2, 3], [0, 1], [0, 2], [1, 3]]


def test_without_markers_times_are_digits_that_train_and_are_read_back():
    model, tokenizer = small_model()
    learner = Learner(model, tokenizer, StageConfig(markers="none"))
    row = Row(id="g", audio="a", task="ground", query="a dog", duration=3.0, events=(Annotation(((0.2, 1.5),)),))
    answer = tokenizer.decode(learner.example(row).answer)
    assert answer == "The given query happens in 0.2 - 1.5 seconds."
    assert not set(learner.example(row).answer) & set(tokenizer.marker_ids)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ablations")
    model, tokenizer = small_model()
    save_checkpoint(folder / "start", model, tokenizer, dtype=torch.float32)
    write_wav(folder / "a.wav", (np.random.default_rng(0).standard_normal(16_000) * 0.1).astype(np.float32))
    events = (Annotation(((0.2, 0.8),), "A dog barks.", "dog"),)
    write_manifest(folder / "m.jsonl", [Row(id="d", audio="a.wav", task="dense_caption", events=events)])
    return folder


def test_a_set_is_trained_once_where_only_the_asking_differs_and_goes_on(folder, capsys):
    manifest = str(folder / "m.jsonl")
    given = [
        "decoding", "--data", manifest, "--test", manifest, "--from", str(folder / "start"), "--device", "cpu",
        "--run", str(folder / "run"), "--set=steps=1", "--set=batch_size=1", "--set=evaluate_every=0",
    ]  # fmt: skip
    assert ablate(given) == 0
    out = capsys.readouterr().out
    assert out.count("Checkpoint written") == 1
    assert "ours: one pass, no grammar" in out
    assert ablate(given) == 0
    again = capsys.readouterr().out
    assert "Checkpoint written" not in again
    assert len([p for p in (folder / "run").glob("*.json") if json.loads(p.read_text())["scores"]]) == 3
    assert ablate([*given, "--set=learning_rate=1e-3"]) == 2
    assert "holds a run that differs in learning_rate" in capsys.readouterr().err
    other = folder / "other.jsonl"
    other.write_text((folder / "m.jsonl").read_text() + "\n")
    assert ablate([str(other) if g == manifest and given[n - 1] == "--test" else g for n, g in enumerate(given)]) == 2
    assert "belongs to another test manifest" in capsys.readouterr().err
    lines = (folder / "run" / "table.md").read_text().splitlines()
    assert lines[0].startswith("| row | METEOR | Eb-F1 |")
    assert [line.split(" | ")[0] for line in lines[2:]] == [f"| {v.name}" for v in SETS["decoding"]]


def test_a_table_has_the_scores_that_all_rows_have_with_their_intervals():
    def scored(value, low=None, high=None):
        return {"value": value, "low": low, "high": high}

    found = {
        "a": {"dense Eb-F1": scored(0.5, 0.408, 0.6), "dense METEOR": scored(None), "ground R@0.5": scored(0.1)},
        "b": {"dense Eb-F1": scored(0.25), "dense METEOR": scored(0.2, 0.1, 0.3)},
    }
    assert as_markdown(found).splitlines() == [
        "| row | METEOR | Eb-F1 |", "| --- | ---: | ---: |", "| a | - | 50.0 (41 to 60) |",
        "| b | 20.0 (10 to 30) | 25.0 |",
    ]  # fmt: skip


def test_windows_move_their_events_to_their_places(folder, tmp_path):
    pipeline = Pipeline.load()
    noise = np.random.default_rng(1).standard_normal(32_000).astype(np.float32) * 0.3
    bark = Waveform(np.concatenate([np.zeros(16_000 * 31, np.float32), noise]))
    write_wav(tmp_path / "long.wav", bark.samples)
    row = Row(id="d", audio="long.wav", task="dense_caption", duration=33.0)
    whole = generate_answers(pipeline, [row], tmp_path, Decoding(max_new_tokens=60), windows=False, quiet=True)["d"]
    parts = generate_answers(pipeline, [row], tmp_path, Decoding(max_new_tokens=60), windows=True, quiet=True)["d"]
    for prediction in (whole, parts):
        assert all(0 <= a < b <= 33.0 for e in prediction.events for a, b in e.intervals)
        assert not prediction.is_cut
    assert generate_answers(pipeline, [row], tmp_path, Decoding(max_new_tokens=1), quiet=True)["d"].is_cut
    # The answer about the last 3 s alone is the end of the answer about the windows, shifted by 30 s.
    second = dataclasses.replace(row, audio="tail.wav", duration=3.0)  # the same id: the same question
    write_wav(tmp_path / "tail.wav", bark.samples[16_000 * 30 :])
    tail = generate_answers(pipeline, [second], tmp_path, Decoding(max_new_tokens=60), quiet=True)["d"]
    shifted = [tuple((round(a + 30, 3), round(b + 30, 3)) for a, b in e.intervals) for e in tail.events]
    assert [e.intervals for e in parts.events][len(parts.events) - len(shifted) :] == shifted


def test_cached_frames_give_the_same_answers_as_recordings(folder, tmp_path):
    pipeline = Pipeline.load(folder / "start")
    row = Row(id="d", audio="a.wav", task="dense_caption", duration=1.0)
    decoding = Decoding(max_new_tokens=30)
    expected = generate_answers(pipeline, [row], folder, decoding, quiet=True)
    features = FeatureExtractor(pipeline.model, folder, tmp_path / "kept")
    assert generate_answers(pipeline, [row], features, decoding, quiet=True) == expected
    assert len(list((tmp_path / "kept").iterdir())) == 1
