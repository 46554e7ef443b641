"""The end of stage 1: the language model learns to read what the connector says of minutes.

While both train, the language model of this size finds in ten seconds what sounds there, and in a hundred hardly ever:
an answer about a hundred is one of few, and the tokens that it reads change at every step. Here they stay, and most of
what is asked is long. Not in the paper, see DECISIONS.md.
"""

from dataclasses import fields, replace
from pathlib import Path

from training.alignment import AlignmentTrainer
from training.config import ReadingConfig
from training.loop import fit, groups_of


def read_on(aligned: AlignmentTrainer, reading: ReadingConfig, run: Path) -> None:
    """Train the whole language model, from stage 1's or from where `run` stands; all else is frozen."""
    model = aligned.model
    changes = {field.name: getattr(reading, field.name) for field in fields(reading)}
    config = replace(aligned.config, **changes, landmark_weight=0.0, clock_weight=0.0, fact_weight=0.0)
    trainer = AlignmentTrainer(model, aligned.builder.tokenizer, aligned.columns, aligned.features, config, seed=5)
    model.requires_grad_(False)
    model.llm.requires_grad_(True)
    model.train()
    fit({"llm": model.llm}, groups_of([model.llm]), trainer.losses, config.optim, run, title="stage 1, reading")
    model.eval()
