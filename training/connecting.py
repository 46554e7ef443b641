"""The connector's start, before stage 1: it learns to say what the written timelines of stage 0 say.

The paper starts from SALMONN's trained Q-Former and language model. Without a download, the frozen language model so
understands the connector from the start.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from model.connector.qformer import Attended
from model.timeaudio import TimeAudio
from training.config import AlignmentStageConfig
from training.data.timelines import Columns, Timeline, written_timeline
from training.draws import Draw, Features, draw
from training.loop import Group, fit, groups_of

SCALE_SCENES = 256
"""Scenes from which it is read how much the numbers of a timeline vary."""


class WarmUpTrainer(nn.Module):
    """The connector learns to write the timelines that the language model learned to read.

    `head` turns its tokens into the numbers of a written timeline; `join` then puts the language model's own map of
    those numbers behind it. So this needs no language model, and may run beside that one's training.
    """

    def __init__(self, model: TimeAudio, columns: Columns, features: Features, config: AlignmentStageConfig) -> None:
        super().__init__()
        self.model, self.columns, self.features, self.config = model, columns, features, config
        self.head = nn.Linear(model.config.qformer.dim, columns.width)
        # A number's own variance would not do: the hundreds of a clock hardly ever vary, and would weigh without bound.
        blocks = [np_tensor([t.told for t in drawn]).split(columns.blocks, dim=-1) for drawn in self._few()]
        scale = []
        for sort in zip(*blocks, strict=True):
            values = torch.cat([part.flatten() for part in sort])
            var = values.var() if values.any() else torch.tensor(1.0)  # nothing is told of facts without bulletins
            scale.append(torch.full((sort[0].shape[-1],), float(var.clamp(min=1e-4).rsqrt())))
        self.register_buffer("scale", torch.cat(scale), persistent=False)

    def _few(self) -> list[list[Timeline]]:
        sets = [self.features.short, *([self.features.spoken] if self.features.spoken else [])]
        return [
            [written_timeline(events, self.columns, few.num_samples) for events in few.events[:SCALE_SCENES]]
            for few in sets
        ]

    def losses(self, step: int) -> Mapping[str, Tensor]:
        """Squared distance to the written timeline, each kind of number in units of how much it varies.

        `landmarks`: how far the merge score is from even over the windows that a summary must keep.
        """
        rng = np.random.default_rng([3, step])
        drawn = draw(self.features, self.config, self.config.warm_up.batch_size, rng)
        wanted = [written_timeline(e, self.columns, drawn.num_samples, first=drawn.first_window) for e in drawn.events]
        connector = self.model.connector
        windows = connector.windows(fuse(self.model, drawn, self.config.feature_dropout), None, drawn.first_window)
        segments = connector.heard(*windows)
        tokens, _ = connector.unmerged(segments)
        said = self.head(tokens)
        told = ((said - np_tensor([w.told for w in wanted])).float() * self.scale).square().mean()
        missed = missed_landmarks(segments, np_tensor([w.landmarks for w in wanted]))
        return {"loss": told + self.config.landmark_weight * missed, "told": told, "landmarks": missed}

    @torch.no_grad()
    def join(self, timeline: nn.Linear) -> None:
        """Make the connector's projection the head followed by the language model's map of timelines."""
        projection = self.model.connector.projection
        projection.weight.copy_(timeline.weight @ self.head.weight)
        projection.bias.copy_(timeline(self.head.bias))


def warm_up(trainer: WarmUpTrainer, run: Path) -> None:
    """Train the connector alone, from nothing or from where `run` stands."""
    model = trainer.model
    modules: dict[str, nn.Module] = {"fusion": model.fusion, "connector": model.connector, "head": trainer.head}
    model.train()
    groups = [
        *groups_of([model.fusion, model.connector.qformer, trainer.head]),
        Group([model.connector.time_encoding.weight], weight_decay=False),
    ]
    fit(modules, groups, trainer.losses, trainer.config.warm_up, run, title="stage 0, connector")


def missed_landmarks(segments: Sequence[tuple[Tensor, Attended]], landmarks: Tensor) -> Tensor:
    """Cross-entropy of the attention that a segment's windows receive (Eq. 5) against its landmarks, evenly.

    So the tokens that merging keeps are those that an answer needs. Not in the paper, see DECISIONS.md.
    """
    loss, begin = torch.zeros(()), 0
    for tokens, attention in segments:
        marks = landmarks[:, begin : begin + tokens.shape[1]].float()
        begin += tokens.shape[1]
        wanted = marks / marks.sum(dim=1, keepdim=True).clamp(min=1)
        loss = loss - (wanted * attention.received.float().clamp(min=1e-6).log()).sum(dim=1).mean()
    return loss / len(segments)


def np_tensor(rows: Sequence[npt.NDArray[Any]]) -> Tensor:
    """Arrays of one shape as one tensor."""
    return torch.from_numpy(np.stack(rows))


def fuse(model: TimeAudio, drawn: Draw, dropout: float) -> Tensor:
    """Fused frames of stored ones; some features are dropped, as the nets are surer of recordings they know."""
    frames = nn.functional.dropout(drawn.frames, dropout)
    fused: Tensor = model.fusion(*frames.split([model.speech.dim, model.sound.dim], dim=-1))
    return fused
