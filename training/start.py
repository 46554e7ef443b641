"""Load the checkpoint that a stage starts from, with the modules that it trains."""

from collections.abc import Sequence
from pathlib import Path

import torch

from model.checkpoint import ADAPTER, load_checkpoint
from model.language.tokenizer import Tokenizer
from model.timeaudio import TimeAudio
from training.adapters import continues_adapter, read_adapter
from training.aligner import Aligner
from training.data.manifest import Row
from training.imitator import Imitator
from training.learner import Learner
from training.stages import StageConfig
from training.trained_module import TrainedModule
from training.variants import apply_stage_settings


def load_learner(
    start: Path, config: StageConfig, device: str, rows: Sequence[Row]
) -> tuple[TimeAudio, Tokenizer, TrainedModule]:
    """Load the checkpoint as the stage starts with it, the same in every process.

    An alignment takes its labels from `rows`.
    """
    continues = continues_adapter(start, config)
    model, tokenizer = load_checkpoint(start, device=device, adapted=not continues)
    torch.manual_seed(config.seed)  # the adapters are initialised at random
    apply_stage_settings(model, tokenizer, config)
    if config.objective == "alignment":
        return model, tokenizer, Aligner(model, tokenizer, config, rows)
    if config.objective == "imitation":
        return model, tokenizer, Imitator(model, config)
    learner = Learner(model, tokenizer, config)
    if continues:
        read_adapter(model.llm, start / ADAPTER)
    return model, tokenizer, learner
