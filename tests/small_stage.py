"""A stage at the smallest size: a random checkpoint, a few seconds of noise, and the words of `timeaudio train`."""

import os
from pathlib import Path

import numpy as np
import torch

from model.checkpoint import save_checkpoint
from tests.factories import small_model
from training.data.manifest import Annotation, Row, write_manifest
from training.data.wav import write_wav

ROOT = Path(__file__).parents[1]

SETTINGS = {
    "steps": 6, "evaluate_every": 0, "learning_rate": 3e-3, "warmup_steps": 2, "bfloat16": "false", "batch_size": 4,
    "micro_batch_size": 2, "save_every": 2,
}  # fmt: skip


def write_stage(folder: Path) -> Path:
    """Write a checkpoint, recordings of 1 to 3 s, and a manifest with something to say about each."""
    model, tokenizer = small_model()
    save_checkpoint(folder / "start", model, tokenizer, dtype=torch.float32)
    rng = np.random.default_rng(0)
    rows = []
    for n in range(8):
        seconds = 1 + n % 3
        write_wav(folder / f"{n}.wav", (rng.standard_normal(16_000 * seconds) * 0.1).astype(np.float32))
        events = (Annotation(((0.2, 0.8),), "A dog barks.", "dog"),)
        rows.append(Row(id=f"d{n}", audio=f"{n}.wav", task="dense_caption", duration=float(seconds), events=events))
        rows.append(
            Row(id=f"g{n}", audio=f"{n}.wav", task="ground", duration=float(seconds), query="a dog", events=events)
        )
    write_manifest(folder / "m.jsonl", rows)
    return folder


def arguments(folder: Path, run: Path, **changes: object) -> list[str]:
    settings = [f"--set={key}={value}" for key, value in (SETTINGS | changes).items()]
    return [
        "--data", str(folder / "m.jsonl"), "--from", str(folder / "start"), "--device", "cpu", "--state", str(run),
        "--stage", "adapt", *settings,
    ]  # fmt: skip


def environment() -> dict[str, str]:
    """Return the environment of a process that trains."""
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
