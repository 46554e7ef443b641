"""The whole recipe at the smallest sizes: not to hear anything, but to run every stage on real recordings."""

import csv
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from model.audio.decode import decode_audio
from model.pipeline import Decoding, Pipeline
from training import recipe
from training.data.bank import spoken_bank
from training.data.speaking import voices_for
from training.recipe import main

RECORDINGS = Path(__file__).parents[3] / "server" / "recordings"
RUN = """
name = "miniature"

[data]
other_kinds = false
long_share = 0.5
[data.scene]
max_events = 2

[encoders]
[encoders.speech]
d_model = 16
encoder_layers = 1
encoder_attention_heads = 2
encoder_ffn_dim = 32
num_mel_bins = 80
[encoders.sound]
channels = [4, 8, 8, 8, 16]
[encoders.optim]
steps = 2
batch_size = 2

[language]
vocabulary = 400
[language.model]
hidden_size = 32
intermediate_size = 64
num_hidden_layers = 1
num_attention_heads = 2
num_key_value_heads = 2
[language.optim]
steps = 2
batch_size = 2

[alignment]
scenes = 4
long_scenes = 2
longest_seconds = 60.0
long_share = 0.7
very_long_share = 0.7
shifted_share = 0.5
spliced_share = 0.5
quiet_scenes = 2
questions = 2
[alignment.qformer]
dim = 24
num_heads = 3
feed_forward_dim = 48
[alignment.lora]
rank = 2
[alignment.warm_up]
steps = 4
batch_size = 4
[alignment.optim]
steps = 4
batch_size = 4
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipe")
    (folder / "data" / "audio").mkdir(parents=True)
    rows = []
    for kind, name in (("dog", "dog-barking.flac"), ("rooster", "rooster-crowing.flac")):
        for fold in (1, 4):
            filename = f"{fold}-{name}"
            (folder / "data" / "audio" / filename).write_bytes((RECORDINGS / name).read_bytes())
            rows.append({"filename": filename, "category": kind, "fold": fold, "subset": "esc10", "source": filename})
    with (folder / "data" / "clips.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    (folder / "run.toml").write_text(RUN)
    return folder


def run(folder, *more):
    return main([str(folder / "run.toml"), "--data", str(folder / "data"), "--run", str(folder / "run"), *more])


def test_one_command_makes_a_checkpoint_that_answers(folder):
    assert run(folder) == 0
    pipeline = Pipeline.load(folder / "run" / "checkpoint")
    assert pipeline.name == "miniature"
    waveform = decode_audio((RECORDINGS / "dog-barking.flac").read_bytes(), max_seconds=60.0)
    answer = pipeline.dense_caption(pipeline.encode(waveform), Decoding(max_new_tokens=20))
    assert all(i.end <= waveform.duration_tenths for i in answer.intervals)


def test_a_finished_run_is_resumed_without_training(folder):
    before = (folder / "run" / "alignment" / "resume.pt").stat().st_mtime_ns
    assert run(folder) == 0
    assert (folder / "run" / "alignment" / "resume.pt").stat().st_mtime_ns == before


def test_the_language_model_may_learn_markers_before_stage_1(folder, tmp_path):
    given = [str(folder / "run.toml"), "--data", str(folder / "data"), "--run", str(tmp_path)]
    assert main([*given, "--set", "language.markers = {steps = 2}", "--set", "alignment.optim.steps = 1"]) == 0
    steps = {path.parent.name: torch.load(path, weights_only=True) for path in tmp_path.rglob("resume.pt")}
    digits, marked = (steps[name]["modules"]["llm"]["model.embed_tokens.weight"] for name in ("language", "markers"))
    assert len(marked) == len(digits) + 20
    assert Pipeline.load(tmp_path / "checkpoint").name == "miniature"


def test_stage_1_goes_on_from_a_checkpoint(folder, tmp_path):
    start, out = folder / "run" / "checkpoint", tmp_path / "further"
    given = [str(folder / "run.toml"), "--data", str(folder / "data"), "--run", str(tmp_path / "run")]
    assert main([*given, "--start", str(start), "--out", str(out), "--set", "alignment.optim.steps = 2"]) == 0
    for part in ("speech_encoder", "sound_encoder"):
        name = f"{part}/model.safetensors"
        assert (out / name).read_bytes() == (start / name).read_bytes(), "what was stage 0's stays"
    assert (out / "model.safetensors").read_bytes() != (start / "model.safetensors").read_bytes()
    assert not (tmp_path / "run" / "language").exists()
    assert Pipeline.load(out).name == "miniature"


def test_the_language_model_may_go_on_alone_after_stage_1(folder, tmp_path, capsys):
    """Nothing else changes; and it is not taken for the end of a stage 1 that went on since."""
    begun = shutil.copytree(folder / "run", tmp_path / "run")
    given = [str(folder / "run.toml"), "--data", str(folder / "data"), "--run", str(begun)]
    reading = ["--set", "alignment.reading = {optim = {steps = 2, batch_size = 4}}"]
    assert main([*given, *reading, "--out", str(tmp_path / "read")]) == 0
    before, after = folder / "run" / "checkpoint", tmp_path / "read"
    for part in ("model.safetensors", "sound_encoder/model.safetensors"):
        assert (after / part).read_bytes() == (before / part).read_bytes()
    weights = "llm/model.safetensors"
    assert (after / weights).read_bytes() != (before / weights).read_bytes()
    assert torch.load(begun / "reading" / "resume.pt", weights_only=True)["step"] == 2
    assert main([*given, *reading, "--set", "alignment.optim.steps = 5"]) == 2
    assert "holds a run with other steps before it" in capsys.readouterr().err


def test_a_checkpoint_may_be_read_with_alone(folder, tmp_path):
    start, out = folder / "run" / "checkpoint", tmp_path / "read"
    given = [str(folder / "run.toml"), "--data", str(folder / "data"), "--run", str(tmp_path / "run")]
    reading = [
        "--set",
        "alignment.optim.steps = 0",
        "--set",
        "alignment.reading = {optim = {steps = 1, batch_size = 4}}",
    ]
    assert main([*given, *reading, "--start", str(start), "--out", str(out)]) == 0
    before, after = (load_file(path / "model.safetensors") for path in (start, out))
    assert all(torch.equal(after[name], weight) for name, weight in before.items())
    weights = "llm/model.safetensors"
    assert (out / weights).read_bytes() != (start / weights).read_bytes()


def test_a_checkpoint_learns_to_sum_up_bulletins(folder, tmp_path, monkeypatch):
    """The sound encoder listens first, and what is made can be asked for summaries."""
    monkeypatch.setattr(recipe, "HEADLINES", 90)
    monkeypatch.setattr(recipe, "FILLERS_PER_VOICE", 8)
    voices = voices_for(held_out=False, engine="tones")
    spoken_bank(tmp_path / "run/speech", headlines=90, fillers_per_voice=8, held_out=False, seed=0, voices=voices)
    start, out = folder / "run" / "checkpoint", tmp_path / "further"
    given = [str(folder / "run.toml"), "--data", str(folder / "data"), "--run", str(tmp_path / "run")]
    changes = [
        "alignment.bulletins=2", "alignment.speech_share=0.5", "alignment.fact_weight=1.0",
        "alignment.fetching={steps=2, batch_size=4}",
        "alignment.summing_up={speech_share=1.0, lookup_weight=0.3, optim={steps=2, batch_size=4}}",
        "encoders.listening={optim={steps=2, batch_size=2}}",
        "alignment.reading={speech_share=0.5, optim={steps=2, batch_size=4}}",
    ]  # fmt: skip
    more = [word for change in changes for word in ("--set", change)]
    assert main([*given, *more, "--start", str(start), "--out", str(out)]) == 0
    kept, changed = "speech_encoder/model.safetensors", "sound_encoder/model.safetensors"
    assert (out / kept).read_bytes() == (start / kept).read_bytes()
    assert (out / changed).read_bytes() != (start / changed).read_bytes()
    for stage in ("listening", "alignment", "fetching", "summing-up", "reading"):
        assert torch.load(tmp_path / "run" / stage / "resume.pt", weights_only=True)["step"] > 0
    pipeline = Pipeline.load(out)
    assert "summarize" in pipeline.tasks
    assert "summarize" not in Pipeline.load(start).tasks
    # Whoever goes on from it leaves out what is done: what the connector says stays.
    shutil.copytree(tmp_path / "run/speech", tmp_path / "run-2/speech")
    given[-1] = str(tmp_path / "run-2")
    for stage in ("encoders.listening.optim", "alignment.optim", "alignment.fetching", "alignment.summing_up.optim"):
        more += ["--set", f"{stage}.steps=0"]
    assert main([*given, *more, "--start", str(out), "--out", str(tmp_path / "again")]) == 0
    before, after = (load_file(path / "model.safetensors") for path in (out, tmp_path / "again"))
    assert all(torch.equal(after[name], weight) for name, weight in before.items())


def test_a_run_is_made_longer_and_not_another(folder, capsys):
    kept = (folder / "run" / "features" / "short.npy").stat().st_mtime_ns
    assert run(folder, "--set", "alignment.optim.steps=5") == 0
    assert (folder / "run" / "features" / "short.npy").stat().st_mtime_ns == kept
    for change in ("language.model.hidden_size=64", "alignment.lora.rank=4", "data.speeds=[1.0, 1.1]"):
        assert run(folder, "--set", change) == 2
        told = capsys.readouterr().err
        assert "holds a run with other" in told
        assert change.partition("=")[0] in told


def test_frames_of_other_encoders_are_not_taken_for_theirs(folder):
    """Encoders that are trained further hear otherwise: what they heard before must not stay."""
    before = (folder / "run" / "features" / "short.npy").read_bytes()
    assert run(folder, "--set", "encoders.optim.steps=3", "--set", "alignment.optim.steps=5") == 0
    assert (folder / "run" / "features" / "short.npy").read_bytes() != before


@pytest.mark.parametrize(("change", "says"), [("[data]", "[dat]"), ("steps = 2", 'steps = "two"')])
def test_a_wrong_run_file_is_refused_in_one_line(folder, tmp_path, capsys, change, says):
    path = tmp_path / "wrong.toml"
    path.write_text(RUN.replace(change, says))
    assert main([str(path), "--data", str(folder / "data")]) == 2
    message = capsys.readouterr().err
    assert message.startswith("timeaudio train:")
    assert message.count("\n") == 1


def test_a_faulty_change_is_blamed_on_itself(folder, capsys):
    assert run(folder, "--set", "alignment.optim.steps=five") == 2
    assert "--set alignment.optim.steps=five: not TOML" in capsys.readouterr().err


def test_a_folder_without_recordings_is_refused_in_one_line(folder, tmp_path, capsys):
    assert main([str(folder / "run.toml"), "--data", str(tmp_path)]) == 2
    assert "meta/esc50.csv" in capsys.readouterr().err
