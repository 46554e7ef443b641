"""Load the checkpoint that a stage starts from, with the modules that it trains."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from model.checkpoint import ADAPTER, load_checkpoint
from model.language.tokenizer import Tokenizer
from model.timeaudio import TimeAudio
from model.timeline.lexicon import Lexicon
from training.adapters import continues_adapter, load_adapter
from training.aligner import Aligner
from training.data.manifest import Row
from training.data.recordings import DataError
from training.imitator import Imitator
from training.job import TrainingJob
from training.learner import Learner
from training.stage_data import FeatureExtractor
from training.stages import StageConfig
from training.trained_module import TrainedModule
from training.transcription import TranscriptionLearner
from training.upper_layers import upper_layers
from training.variants import apply_stage_settings


def load_learner(
    job: TrainingJob, config: StageConfig, device: str, rows: Sequence[Row], *, bfloat16: bool = False
) -> tuple[TimeAudio, Tokenizer, TrainedModule]:
    """Load the checkpoint in the state in which the stage starts, the same in every process.

    An alignment takes its labels from `rows`. A transcription starts from the upper layers of `job.whisper` if the
    checkpoint has no transcriber. With `bfloat16`, the frames of an imitated connector are computed in bfloat16.

    Raises:
        DataError: a transcription has no layers to start from.
    """
    continues = continues_adapter(job.start, config)
    model, tokenizer = load_checkpoint(job.start, device=device, adapted=not continues)
    torch.manual_seed(config.seed)  # the adapters are initialised at random
    apply_stage_settings(model, tokenizer, config)
    if config.objective == "alignment":
        return model, tokenizer, Aligner(model, tokenizer, config, rows)
    if config.objective == "imitation":
        if job.encoders is None:
            return model, tokenizer, Imitator(model, config)
        exchanged = with_encoders(model, job.encoders, device)
        features = FeatureExtractor(model, job.data.parent, job.cache, bfloat16=bfloat16)
        return exchanged, tokenizer, Imitator(exchanged, config, (model, features))
    if config.objective == "transcription":
        if model.transcriber is None:
            if job.whisper is None:
                raise DataError(
                    f"{job.start} has no transcriber: name the whole Whisper checkpoint of its encoder with --whisper."
                )
            model.transcriber = upper_layers(job.whisper, model.speech).to(device)
        if job.lexicon is not None:
            model.transcriber.lexicon = Lexicon.read(job.lexicon)
        return model, tokenizer, TranscriptionLearner(model.transcriber, config)
    learner = Learner(model, tokenizer, config)
    if continues:
        load_adapter(model.llm, job.start / ADAPTER)
    return model, tokenizer, learner


def with_encoders(model: TimeAudio, encoders: Path, device: str) -> TimeAudio:
    """Return a model with both encoders of another checkpoint, a fresh connector, and the same language model.

    A transcriber only fits the speech encoder that it was trained with. With another one, it and summaries are dropped.
    """
    other, _ = load_checkpoint(encoders, device=device)
    transcriber, tasks = model.transcriber, model.config.tasks
    if transcriber is not None and not _has_weights_of(other.speech, model.speech):
        transcriber, tasks = None, tuple(task for task in tasks if task != "summarize")
    config = dataclasses.replace(
        model.config, sound_encoder=other.config.sound_encoder, pad_segments=other.config.pad_segments,
        encoding=other.config.encoding, tasks=tasks,
    )  # fmt: skip
    exchanged = TimeAudio(config, other.speech, other.sound, model.llm).to(device)
    exchanged.transcriber, exchanged.marker_ids = transcriber, model.marker_ids
    return exchanged


def _has_weights_of(some: nn.Module, other: nn.Module) -> bool:
    """Return whether two modules have the same weights, apart from the rounding of a packed checkpoint."""
    ours, theirs = some.state_dict(), other.state_dict()
    if {name: tensor.shape for name, tensor in ours.items()} != {name: tensor.shape for name, tensor in theirs.items()}:
        return False
    return all(
        float((ours[name].float() - tensor.float()).abs().mean()) <= 0.05 * float(tensor.float().abs().mean()) + 1e-3
        for name, tensor in theirs.items()
    )
