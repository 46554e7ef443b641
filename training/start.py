"""Load the checkpoint that a stage starts from, with the modules that it trains."""

from collections.abc import Sequence
from pathlib import Path

import torch

from model.checkpoint import ADAPTER, load_checkpoint
from model.language.tokenizer import Tokenizer
from model.timeaudio import TimeAudio
from model.timeline.lexicon import Lexicon
from training.adapters import continues_adapter, load_adapter
from training.aligner import Aligner
from training.data.manifest import Row
from training.data.recordings import DataError
from training.imitator import Imitator
from training.learner import Learner
from training.stages import StageConfig
from training.trained_module import TrainedModule
from training.transcription import TranscriptionLearner
from training.upper_layers import upper_layers
from training.variants import apply_stage_settings


def load_learner(
    start: Path,
    config: StageConfig,
    device: str,
    rows: Sequence[Row],
    whisper: Path | None = None,
    lexicon: Path | None = None,
) -> tuple[TimeAudio, Tokenizer, TrainedModule]:
    """Load the checkpoint as the stage starts with it, the same in every process.

    An alignment takes its labels from `rows`. A transcription starts from the upper layers of `whisper` where the
    checkpoint has no transcriber.

    Raises:
        DataError: a transcription has no layers to start from.
    """
    continues = continues_adapter(start, config)
    model, tokenizer = load_checkpoint(start, device=device, adapted=not continues)
    torch.manual_seed(config.seed)  # the adapters are initialised at random
    apply_stage_settings(model, tokenizer, config)
    if config.objective == "alignment":
        return model, tokenizer, Aligner(model, tokenizer, config, rows)
    if config.objective == "imitation":
        return model, tokenizer, Imitator(model, config)
    if config.objective == "transcription":
        if model.transcriber is None:
            if whisper is None:
                raise DataError(f"{start} has no transcriber: name the whole Whisper that it has layers of, --whisper.")
            model.transcriber = upper_layers(whisper, model.speech).to(device)
        if lexicon is not None:
            model.transcriber.lexicon = Lexicon.read(lexicon)
        return model, tokenizer, TranscriptionLearner(model.transcriber, config)
    learner = Learner(model, tokenizer, config)
    if continues:
        load_adapter(model.llm, start / ADAPTER)
    return model, tokenizer, learner
