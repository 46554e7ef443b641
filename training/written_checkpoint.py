"""Write what a stage trained as a checkpoint."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from model.checkpoint import ADAPTER, CALIBRATION, TRANSCRIBER, WORDS, save_checkpoint, save_hearing, save_transcriber
from model.encoders.transcriber import Transcriber
from model.language.tokenizer import Tokenizer
from model.timeaudio import TimeAudio
from training.adapters import write_adapter
from training.aligner import Aligner
from training.imitator import Imitator
from training.trained_module import TrainedModule
from training.transcription import TranscriptionLearner


def write_checkpoint(
    out: Path, start: Path, learner: TrainedModule, model: TimeAudio, tokenizer: Tokenizer, dtype: torch.dtype
) -> None:
    """Write the checkpoint atomically. Copy the attribution and the README of the start checkpoint.

    A stage that trains only a transcriber leaves everything else as it is, byte for byte, including the calibration.
    An alignment and an imitation keep the language model and its adapter.
    """
    if isinstance(learner, TranscriptionLearner):
        _add_transcriber(out, start, learner.transcriber, model)
        return
    if isinstance(learner, Aligner | Imitator):
        _exchange_connector(out, start, model)
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        part, adapter = Path(folder) / "checkpoint", Path(folder) / ADAPTER
        is_apart = learner.keeps_adapter
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


def _add_transcriber(out: Path, start: Path, transcriber: Transcriber, model: TimeAudio) -> None:
    """Copy the start, with another transcriber and the model's configuration."""
    with _copy(out, start) as part:
        model.config.write(part / "config.json")
        save_transcriber(part, transcriber, torch.float16)


def _exchange_connector(out: Path, start: Path, model: TimeAudio) -> None:
    """Copy the start without its calibration, with another connector and the encoders that belong to it.

    The start's model card describes another model: it becomes BASE_README.md.
    """
    with _copy(out, start) as part:
        for name in (CALIBRATION, WORDS):
            (part / name).unlink(missing_ok=True)
        if (part / "README.md").is_file():
            (part / "README.md").rename(part / "BASE_README.md")
        if model.transcriber is None:
            shutil.rmtree(part / TRANSCRIBER, ignore_errors=True)
        save_hearing(part, model, torch.float16)


@contextlib.contextmanager
def _copy(out: Path, start: Path) -> Iterator[Path]:
    """Yield a copy of the start for the block to change, then move the copy to `out`."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        part = Path(folder) / "checkpoint"
        shutil.copytree(start, part)
        yield part
        if out.exists():
            shutil.rmtree(out)
        shutil.move(part, out)
