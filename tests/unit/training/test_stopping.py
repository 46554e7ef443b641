"""Runs that are stopped lose nothing, and say how to go on."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from model.checkpoint import load_checkpoint
from tests.small_stage import arguments, environment, write_stage
from training import state_saver
from training.data.manifest import write_manifest
from training.data.validate import read_manifest
from training.learner import Learner
from training.run_log import read_log
from training.stage_command import main as train
from training.stage_data import BatchSampler, FeatureExtractor
from training.stage_loop import train_stage
from training.stages import StageConfig
from training.stop_signals import Stopped, StopSignals
from training.training_setup import TrainingSetup


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_stage(tmp_path_factory.mktemp("stopping"))


def steps_of(run):
    return [int(line["step"]) for line in read_log(run)] if (run / "log.jsonl").is_file() else []


def stop(folder, run, number):
    """Start or resume an endless run, send it a signal after its first step, and return its status and its errors."""
    before = len(steps_of(run))
    process = subprocess.Popen(
        [sys.executable, "-m", "training", *arguments(folder, run, steps=100_000, save_every=100_000)],
        env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while len(steps_of(run)) == before and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    _, errors = process.communicate()
    return process.returncode, errors


def test_a_signal_saves_the_current_step_and_the_same_command_resumes(folder):
    run = folder / "stopped"
    status, errors = stop(folder, run, signal.SIGINT)
    assert status == 130
    taken = steps_of(run)
    message = f"timeaudio train: stopped; the state after step {len(taken)} is saved. Run the same command again"
    assert message in errors
    assert "Traceback" not in errors
    assert "step 1/100000  loss " in errors, "a plain line, because it is no terminal"
    assert torch.load(run / "resume.pt", weights_only=True)["step"] == len(taken)
    status, errors = stop(folder, run, signal.SIGTERM)
    assert status == 143
    assert f"the state after step {len(steps_of(run))} is saved" in errors
    assert steps_of(run) == list(range(len(steps_of(run)))), "no step is lost, none is taken twice"


def test_a_signal_waits_for_the_step_but_not_for_a_validation():
    with StopSignals(saved_step=7) as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.received == signal.SIGINT
        with pytest.raises(Stopped, match="after step 7") as second:
            os.kill(os.getpid(), signal.SIGTERM)
        assert second.value.status == 143
    with StopSignals(saved_step=7) as stop, pytest.raises(Stopped), stop.at_once():
        os.kill(os.getpid(), signal.SIGTERM)


def setup_of(folder, **changes):
    model, tokenizer = load_checkpoint(folder / "start")
    torch.manual_seed(0)
    config = StageConfig(bfloat16=False, batch_size=2, micro_batch_size=2, save_every=1000, **changes)
    AcceleratorState._reset_state()
    rows = read_manifest(folder / "m.jsonl")
    batches = BatchSampler(rows, config.batch_size, config.seed)
    features = FeatureExtractor(model, folder, None)
    return TrainingSetup(Learner(model, tokenizer, config), batches, features, config, Accelerator(cpu=True))


def test_the_state_is_saved_by_the_clock_too(folder, tmp_path, monkeypatch):
    saved, save = [], state_saver.save

    def recording(path, learner, optimizer, state, writes):
        saved.append(state.step)
        save(path, learner, optimizer, state, writes)

    monkeypatch.setattr(state_saver, "save", recording)
    monkeypatch.setattr(state_saver, "SAVE_EVERY_S", float("inf"))
    train_stage(setup_of(folder, steps=3), tmp_path / "never", None)
    assert saved == [3], "only the last state"
    monkeypatch.setattr(state_saver, "SAVE_EVERY_S", 0.0)
    train_stage(setup_of(folder, steps=3), tmp_path / "clock", None)
    assert saved == [3, 1, 2, 3]


def test_a_validation_that_was_stopped_is_made_up_for(folder, tmp_path):
    measured = []

    def stopped():
        raise Stopped(signal.SIGINT, 2)

    with pytest.raises(Stopped):
        train_stage(setup_of(folder, steps=3, evaluate_every=2), tmp_path, stopped)
    state = train_stage(setup_of(folder, steps=3, evaluate_every=2), tmp_path, lambda: measured.append(1) or 0.5)
    assert len(measured) == 2, "after step 2, and after the last"
    assert (state.step, state.best, state.measured) == (3, 0.5, 3)
    train_stage(setup_of(folder, steps=3, evaluate_every=2), tmp_path, stopped)


def test_a_validation_of_zero_is_said_plainly(folder, tmp_path, capsys):
    rows = [row for row in read_manifest(folder / "m.jsonl") if row.task == "dense_caption"]
    write_manifest(folder / "dense.jsonl", rows)
    words = arguments(folder, tmp_path / "zero", steps=1, evaluate_every=1, validation_rows=1)
    assert train([*words, "--validation", str(folder / "dense.jsonl")]) == 0
    assert "Its validation score is 0.0" in capsys.readouterr().out
