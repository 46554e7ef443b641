"""The end of the connector's training, where there are bulletins: it learns to fetch what a section tells.

Without the language model a step is cheap, and fetching takes many. On scenes its tokens are held near where they were.
Not in the paper, see DECISIONS.md.
"""

import copy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.alignment import AlignmentTrainer
from training.config import OptimConfig
from training.data.bulletins import FACT_NAMES
from training.draws import draw
from training.fact_reader import QUIET_WEIGHT
from training.loop import fit, groups_of


class FetchingTrainer:
    """Losses of the connector alone, as stage 1 left it, as a function of the step."""

    def __init__(self, aligned: AlignmentTrainer, optim: OptimConfig) -> None:
        self.aligned, self.optim, self.model = aligned, optim, aligned.model
        self.scenes = replace(aligned.config, speech_share=0.0)
        self.before = copy.deepcopy(nn.ModuleList([self.model.fusion, self.model.connector])).eval()
        self.before.requires_grad_(False)

    def losses(self, step: int) -> Mapping[str, Tensor]:
        """Of facts, and how far scenes' tokens are from those of before, in units of how much those vary."""
        rng = np.random.default_rng([8, step])
        facts = self.aligned.facts_of(rng)
        drawn = draw(self.aligned.features, self.scenes, self.optim.batch_size, rng)
        sizes = [self.model.speech.dim, self.model.sound.dim]
        frames = nn.functional.dropout(drawn.frames, self.scenes.feature_dropout).split(sizes, dim=-1)
        fusion, before = self.before
        with torch.no_grad():
            wanted = before(fusion(*frames), first_window=drawn.first_window, may_merge=False).float()
        connector = self.model.connector
        heard = connector.heard(*connector.windows(self.model.fusion(*frames), None, drawn.first_window))
        tokens, _ = connector.unmerged(heard)
        held = (connector.projection(tokens) - wanted).square().mean() / wanted.var()
        quiet = QUIET_WEIGHT * self.aligned.facts.said(tokens)
        return {"loss": facts + held + quiet, "facts": facts, "held": held, "facts of scenes": quiet}


def fetch(aligned: AlignmentTrainer, optim: OptimConfig, run: Path) -> None:
    """Train the connector, from stage 1's or from where `run` stands; all else is frozen."""
    model, facts = aligned.model, aligned.facts
    trainer = FetchingTrainer(aligned, optim)
    model.requires_grad_(False)
    parts = {"fusion": model.fusion, "connector": model.connector, "facts": facts}
    for part in parts.values():
        part.requires_grad_(True).train()
    fit(parts, groups_of(parts.values()), trainer.losses, optim, run, title="stage 1, fetching")
    model.eval()
    if optim.steps:  # else `facts` has learned nothing, and what it says was joined already where this goes on from
        _join(aligned)


@torch.no_grad()
def _join(aligned: AlignmentTrainer) -> None:
    """From here on the projection says the facts in the language model's own words for them, as loud as all else.

    Among all that a token says a fact is a small difference, which a linear map finds and a small language model, for
    long, does not.
    """
    model, tokenizer = aligned.model, aligned.builder.tokenizer
    embedding = model.llm.get_input_embeddings()
    ids = [tokenizer.encode(name.partition(":")[2]) for name in FACT_NAMES]
    words = functional.normalize(torch.stack([embedding(torch.tensor(some)).mean(dim=0) for some in ids]), dim=1)
    tokens = aligned.telling_tokens(np.random.default_rng(9))
    projection = model.connector.projection
    before = projection(tokens)
    aligned.facts.join(projection, words)
    loudness = before.norm(dim=1).mean() / (projection(tokens) - before).norm(dim=1).mean()
    aligned.facts.join(projection, (loudness - 1) * words)
