"""Write what a stage trained as a checkpoint."""

import shutil
import tempfile
from pathlib import Path

import torch

from model.checkpoint import ADAPTER, save_checkpoint
from model.language.tokenizer import Tokenizer
from model.timeaudio import TimeAudio
from training.adapters import write_adapter
from training.learner import Learner
from training.trained_module import TrainedModule


def write_checkpoint(
    out: Path, start: Path, learner: TrainedModule, model: TimeAudio, tokenizer: Tokenizer, dtype: torch.dtype
) -> None:
    """Write the checkpoint atomically. Copy the attribution and the README of the start checkpoint."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        part, adapter = Path(folder) / "checkpoint", Path(folder) / ADAPTER
        is_apart = isinstance(learner, Learner) and learner.keeps_adapter
        if is_apart:
            write_adapter(model.llm, adapter)
        learner.finish()
        save_checkpoint(part, model, tokenizer, dtype=torch.float16 if dtype == torch.float32 else dtype)
        if is_apart:
            adapter.rename(part / ADAPTER)
        for name in ("ATTRIBUTION.csv", "README.md"):
            if (start / name).is_file():
                shutil.copy(start / name, part / (name if name != "README.md" else "BASE_README.md"))
        if out.exists():
            shutil.rmtree(out)
        shutil.move(part, out)
