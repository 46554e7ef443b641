"""The end of stage 1: the language model learns to read what the connector says of minutes.

While both train, the language model of this size finds in ten seconds what sounds there, and in a hundred hardly ever:
an answer about a hundred is one of few, and the tokens that it reads change at every step. Here they stay, and most of
what is asked is long. Not in the paper, see DECISIONS.md.
"""

from dataclasses import replace
from pathlib import Path

from model.language.tokenizer import Tokenizer
from model.timeaudio import TimeAudio
from training.alignment import AlignmentTrainer
from training.config import AlignmentStageConfig, ReadingConfig
from training.data.timelines import Columns
from training.draws import Features
from training.loop import fit, groups_of


def read_on(
    model: TimeAudio,
    tokenizer: Tokenizer,
    columns: Columns,
    features: Features,
    config: AlignmentStageConfig,
    reading: ReadingConfig,
    run: Path,
) -> None:
    """Train the whole language model, from stage 1's or from where `run` stands; all else is frozen."""
    asked = replace(
        config, shares=reading.shares, long_share=reading.long_share, very_long_share=reading.very_long_share,
        questions=reading.questions, time_weight=reading.time_weight, presence_weight=reading.presence_weight,
        landmark_weight=0.0, clock_weight=0.0, optim=reading.optim,
    )  # fmt: skip
    trainer = AlignmentTrainer(model, tokenizer, columns, features, asked, seed=5)
    model.requires_grad_(False)
    model.llm.requires_grad_(True)
    model.train()
    fit({"llm": model.llm}, groups_of([model.llm]), trainer.losses, reading.optim, run, title="stage 1, reading")
    model.eval()
