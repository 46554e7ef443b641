"""The weights that a training goes on from are read by this version, and so is the command that goes on."""

import re
import shlex
from pathlib import Path

import numpy as np

from model.audio.waveform import Waveform
from model.pipeline import Decoding, Pipeline
from model.timeline.task import TASKS
from training.config import RunConfig
from training.recipe import CONFIGS
from training.run_file import load_config

BEGUN = Path(__file__).parents[3] / "training" / "begun"


def test_what_has_begun_can_be_read_and_asked():
    pipeline = Pipeline.load(BEGUN)
    assert pipeline.tasks == TASKS
    noise = np.random.default_rng(0).standard_normal(3 * 16_000).astype(np.float32) * 0.05
    recording = pipeline.encode(Waveform(noise))
    answer = pipeline.answer(recording, "summarize", "Summarize the talk.", Decoding(max_new_tokens=60))
    assert all(interval.end <= recording.duration for interval in answer.intervals)


def test_the_command_that_goes_on_changes_settings_that_are_there():
    (command,) = re.findall(r"```sh\n(.*?)```", (BEGUN / "README.md").read_text(), re.DOTALL)
    words = shlex.split(command.replace("\\\n", " "))
    changes = [words[place + 1] for place, word in enumerate(words) if word == "--set"]
    config = load_config(RunConfig, CONFIGS / "tiny.toml", changes)
    assert config.alignment.bulletins > 0
    assert config.encoders.listening.optim.steps == config.alignment.optim.steps == config.alignment.fetching.steps == 0
    assert config.alignment.summing_up.optim.steps == 0
    assert config.alignment.reading.optim.steps > 0
