"""Learning from a few clips: known sounds are rehearsed, and the start stays unless a state is better."""

import csv
import json
from dataclasses import replace

import pytest
from torch import nn

from model.audio.decode import decode_audio
from model.checkpoint import EMBEDDED, load_checkpoint
from model.pipeline import Pipeline
from tests.small_recordings import data_set
from tests.small_stage import ROOT, arguments, write_stage
from training.blend import Blend
from training.data.manifest import Annotation, Row, parse_manifest, write_manifest
from training.data.validate import read_manifest
from training.data.vocabulary import kind_of_label, vocabulary
from training.guarded_validation import FORGETS, START, GuardedValidation
from training.rehearsal import SHIPPED, SHIPPED_VALIDATION, MixedBatches
from training.run_log import read_log
from training.sources.rehearsal import main as write_rehearsal
from training.stage_command import KEPT_START
from training.stage_command import main as train
from training.stages import StageConfig, load_stage

SMALL = {"steps": 4, "batch_size": 4, "micro_batch_size": 4, "evaluate_every": 2, "warmup_steps": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A stage whose last recordings are for rehearsal."""
    folder = write_stage(tmp_path_factory.mktemp("few"))
    rows = read_manifest(folder / "m.jsonl")
    write_manifest(folder / "known.jsonl", [replace(row, query=row.query and "rain") for row in rows[10:]])
    write_manifest(folder / "m.jsonl", rows[:10])
    return folder


def few_clips(folder, run, **changes):
    words = arguments(folder, run, **SMALL | changes)
    words[words.index("adapt")] = "few-clips"
    return [*words, "--rehearse", str(folder / "known.jsonl")]


def test_a_state_that_is_better_is_written_and_served(folder, capsys):
    run = folder / "better"
    assert train(few_clips(folder, run)) == 0
    shown = capsys.readouterr().out
    assert "mixtures rehearse what start knows" in shown
    start = json.loads((run / START).read_text())
    measured = [line["metric"] for line in read_log(run) if "metric" in line]
    assert len(measured) == 3, "the start, and after every second step"
    assert measured[0] == pytest.approx(-start["new"], rel=1e-4)
    assert max(measured) > measured[0]
    assert f"the loss of your held-out clips is {-max(measured):.3f}" in shown
    pipeline = Pipeline.load(run / "checkpoint")
    recording = pipeline.encode(decode_audio((folder / "2.wav").read_bytes(), max_seconds=9.0))
    assert pipeline.ground(recording, "a dog").text


def test_without_a_better_state_nothing_is_written_and_the_status_says_so(folder, capsys):
    words = few_clips(folder, folder / "same", learning_rate=0.0, warmup_learning_rate=0.0, final_learning_rate=0.0)
    for _ in range(2):
        assert train(words) == KEPT_START == 3
        assert "no state was better than start" in capsys.readouterr().err
        assert not (folder / "same" / "checkpoint").exists()
    assert len([line for line in read_log(folder / "same") if "loss" in line]) == 4, "the second run only repeats it"


def test_it_ends_early_out_of_patience(folder):
    run = folder / "patience"
    rates = {"learning_rate": 0.0, "warmup_learning_rate": 0.0, "final_learning_rate": 0.0}
    assert train(few_clips(folder, run, steps=100, patience=1, **rates)) == KEPT_START
    assert len([line for line in read_log(run) if "loss" in line]) == 2


def test_a_state_that_forgets_is_never_the_best(tmp_path, monkeypatch):
    losses = iter([2.0, 1.0, 1.5, 1.04, 0.5, 1.06])  # new and known: at the start, then of two states
    monkeypatch.setattr(GuardedValidation, "_loss", lambda self, rows: next(losses))

    class Setup:
        config = StageConfig(most_forgotten=0.05)

        class accelerator:  # noqa: N801
            is_main_process = True

    said: list[str] = []
    guard = GuardedValidation(Setup(), Blend(nn.Linear(1, 1), 0.8), [], [], tmp_path, said.append)
    assert [guard.measure() for _ in range(3)] == [-2.0, -1.5, FORGETS]
    assert "on rehearsal rows 1.060 (start 1.000; over the limit of 1.050, so this state is not kept)" in said[-1]


def test_a_share_of_every_batch_is_rehearsed():
    new, known = (
        [Row(id=f"{name}{n}", audio=f"{name}{n}", task="ground", duration=1.0) for n in range(10)] for name in "nk"
    )
    batches = MixedBatches(new, known, StageConfig(batch_size=8, rehearsal_share=0.25))
    for step in range(4):
        assert [row.id[0] for row in batches.at(step)] == ["n"] * 6 + ["k"] * 2
    assert batches.steps_per_epoch == 2


def test_what_cannot_rehearse_or_validate_is_said(folder, tmp_path, capsys):
    write_manifest(folder / "one.jsonl", read_manifest(folder / "m.jsonl")[:2])
    for words, says in [
        (["--stage", "adapt"], "This stage does not rehearse: leave out --rehearse"),
        (["--set=sharding=true"], "rehearsal_share above 0 needs"),
        (["--data", str(folder / "one.jsonl")], "is left to validate on: add one"),
    ]:
        assert train([*few_clips(folder, tmp_path / "run"), *words]) == 2
        assert says in capsys.readouterr().err


def test_the_shipped_set_has_every_kind_and_no_recording_on_both_sides():
    stage = load_stage("few-clips", [])
    assert stage.rehearsal_share > 0
    assert "markers" not in stage.trains, "the times are known"
    files = [path for path in SHIPPED.parent.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 2_500_000
    with (SHIPPED.parent / "ATTRIBUTION.csv").open(newline="", encoding="utf-8") as file:
        used = list(csv.DictReader(file))
    assert all(line["license"].startswith(("CC0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY")) for line in used)
    assert not any("NC" in line["license"] for line in used)
    kinds = {kind for kind in vocabulary() if kind_of_label(kind)}
    urls = []
    for manifest in (SHIPPED, SHIPPED_VALIDATION):
        rows, problems = parse_manifest(manifest)
        assert problems == []
        audio = {row.audio for row in rows}
        assert all((manifest.parent / name).is_file() for name in audio)
        assert audio == {line["scene"] for line in used if line["scene"] in audio}
        assert {event.label for row in rows if row.task == "dense_caption" for event in row.events} == kinds
        urls.append({line["filename"] for line in used if line["scene"] in audio})
    assert not urls[0] & urls[1]


def test_the_set_is_composed_of_both_sides_of_the_split(tmp_path):
    kinds = ["dog", "rain", "rooster", "cow", "cat"]
    clips = [(kind, fold, f"{kind}-{fold}-{n}") for kind in kinds for fold in (1, 4) for n in range(4)]
    data = data_set(tmp_path / "data", *clips)
    with (data / "clips.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    about = {"license": "CC0-1.0", "author": "somebody", "title": "a sound", "url": "http://example.com"}
    with (data / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [*lines[0], *about])
        table.writeheader()
        table.writerows(line | about for line in lines)
    write_rehearsal([str(data), "--out", str(tmp_path / "set")])
    for name in (SHIPPED.name, SHIPPED_VALIDATION.name):
        assert {row.task for row in read_manifest(tmp_path / "set" / name)} == {"dense_caption", "ground", "ask"}
    with (tmp_path / "set" / "ATTRIBUTION.csv").open(newline="", encoding="utf-8") as file:
        used = list(csv.DictReader(file))
    folds = {line["filename"]: line["fold"] for line in lines}
    assert {(line["scene"].split("-")[0], folds[line["filename"]]) for line in used} == {
        ("audio/train", "1"), ("audio/validate", "4"),
    }  # fmt: skip


@pytest.mark.slow
def test_the_packed_checkpoint_with_an_adapter_learns_and_is_served(tmp_path):
    """Its layers are in Q4_1, and its own adapter is merged before a new one trains."""
    rows = []
    for name in ("dog-barking", "rooster-crowing"):
        events = (Annotation(((0.0, 2.0),), "A zorb plings."),)
        audio = str(ROOT / "server" / "recordings" / f"{name}.flac")
        rows.append(Row(id=name, audio=audio, task="dense_caption", events=events))
    write_manifest(tmp_path / "m.jsonl", rows)
    settings = {
        "steps": 2, "evaluate_every": 1, "validation_rows": 4, "batch_size": 4, "micro_batch_size": 4,
        "warmup_steps": 0, "most_forgotten": 0.9,
    }  # fmt: skip
    words = ["--data", str(tmp_path / "m.jsonl"), "--run", str(tmp_path / "run"), "--device", "cpu"]
    assert train([*words, *(f"--set={name}={value}" for name, value in settings.items())]) == 0
    start, trained = (load_checkpoint(path)[0].llm.state_dict() for path in (EMBEDDED, tmp_path / "run" / "checkpoint"))
    assert start.keys() == trained.keys()
    name = "model.layers.0.mlp.up_proj.weight"
    change = (trained[name] - start[name]).norm() / start[name].norm()
    assert 0 < change < 0.05
    pipeline = Pipeline.load(tmp_path / "run" / "checkpoint")
    path = ROOT / "server" / "recordings" / "dog-barking.flac"
    answer = pipeline.dense_caption(pipeline.encode(decode_audio(path.read_bytes(), max_seconds=9.0)))
    assert answer.events
