"""Align a fresh connector before stage 1: each window's token learns to represent what sounds in that window.

The language model does not run. Its input embeddings give every label (or caption) of the manifest a vector: the mean
of its tokens' rows. The loss pulls a window's token towards the mean of the labels that sound in it and separates it
from all other labels. Linear maps of the token also predict which labels begin and end there, and the digits of those
times; the maps are discarded afterwards. Without this alignment, the model learned nothing from the first 3,600
examples of stage 1.

Source: ours; it takes the place of SALMONN's pretrained Q-Former, from which the paper starts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from model.audio.segment import FRAME_SAMPLES
from model.audio.waveform import SAMPLE_RATE
from model.connector.window import num_windows
from model.language.tokenizer import Tokenizer
from model.timeaudio import TimeAudio
from training.data.manifest import Annotation, Row
from training.data.recordings import DataError
from training.feature_dropout import FeatureDropout
from training.frame_batches import frames_by_length
from training.parameter_group import ParameterGroup, by_weight_decay
from training.stages import StageConfig

SILENCE = "silence"
EDGE_WEIGHT, DIGIT_WEIGHT, PULL_WEIGHT = 0.5, 0.3, 0.3


class AlignmentExample(NamedTuple):
    """A row's events: label index, start and end in seconds. `answer` is empty, because no text is generated."""

    events: tuple[tuple[int, float, float], ...]
    answer: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Targets:
    """The targets of a recording's tokens.

    Attributes:
        active: share of each window in which each label sounds [windows, labels].
        edges: labels that begin, and labels that end, in each window [2, windows, labels].
        times: time of an edge in each window, in tenths of a second; -1 where there is none [2, windows].
    """

    active: Tensor
    edges: Tensor
    times: Tensor


class Aligner(nn.Module):
    """Fusion and connector with the maps that read their tokens. Trains like `Learner`, without a language model."""

    label_vectors: Tensor
    centre: Tensor
    silence: Tensor

    def __init__(self, model: TimeAudio, tokenizer: Tokenizer, config: StageConfig, rows: Sequence[Row]) -> None:
        super().__init__()
        self.fusion, self.connector = model.fusion, model.connector
        self.window_frames = model.config.window.num_frames
        self.window_s = self.window_frames * FRAME_SAMPLES / SAMPLE_RATE
        self._config = config
        self.labels = {name: place for place, name in enumerate(sorted({_name(e) for r in rows for e in r.events}))}
        if not self.labels:
            raise DataError("Alignment needs the events of dense captions, but the manifest has none.")
        self.num_tokens = self.num_padded = 0
        with torch.no_grad():
            embedding = model.llm.get_input_embeddings().weight.float()
            vectors = word_vectors(embedding, tokenizer, list(self.labels))
            silence = word_vectors(embedding, tokenizer, [SILENCE])[0]
        centre = vectors.mean(dim=0)
        self.register_buffer("label_vectors", vectors, persistent=False)
        self.register_buffer("centre", centre, persistent=False)
        self.register_buffer("silence", silence, persistent=False)
        dim = vectors.shape[1]
        self.scale = nn.Parameter(torch.tensor(15.0))
        self.bias = nn.Parameter(torch.full((3, len(self.labels)), -6.0))
        self.edge_maps = nn.ModuleList(nn.Linear(dim, dim) for _ in range(2))
        self.digit_maps = nn.ModuleList(nn.Linear(dim, 40) for _ in range(2))
        self.feature_dropout = FeatureDropout(config.feature_dropout if config.dropout else 0.0)
        for module in (self.fusion, self.connector):
            module.requires_grad_("connector" in config.trains)
        clocked = config.time_encoding and "time_encoding" in config.trains
        self.connector.time_encoding.weight.requires_grad_(clocked)
        for part in self.modules() if not config.dropout else ():
            if isinstance(part, nn.Dropout):
                part.p = 0.0

    @property
    def device(self) -> torch.device:
        """The device of the module's tensors."""
        return self.centre.device

    def groups(self) -> list[ParameterGroup]:
        """Return the trained parameters by rate; biases, norms and the time encoding have no weight decay."""
        rates, clock = self._config.rates, self.connector.time_encoding.weight
        every = [p for p in self.parameters() if p.requires_grad and p is not clock]
        groups = [
            *by_weight_decay(every, rates.get("connector", 1.0)),
            ParameterGroup([clock] if clock.requires_grad else [], rates.get("time_encoding", 1.0), weight_decay=False),
        ]
        return [group for group in groups if group.parameters]

    def example(self, row: Row) -> AlignmentExample:
        """Return a row's events with label indices."""
        return AlignmentExample(
            tuple((self.labels[_name(e)], start, end) for e in row.events for start, end in e.intervals)
        )

    def loss_weight(self, examples: Sequence[AlignmentExample]) -> float:
        """Return the divisor of a sum of losses: the number of recordings."""
        return float(len(examples))

    def forward(
        self, frames: Sequence[tuple[Tensor, Tensor]], samples: Sequence[int], examples: Sequence[AlignmentExample]
    ) -> Tensor:
        """Return the losses, averaged over windows and summed over recordings."""
        total = self.centre.new_zeros(())
        for places, speech, sound in frames_by_length(frames, self.device):
            fused = self.feature_dropout(self.fusion(speech, sound))
            tokens = self.connector(fused, [samples[p] for p in places], may_merge=False).float()
            count = num_windows(speech.shape[1], self.window_frames)
            targets = [self._targets(examples[p], count) for p in places]
            total = total + len(places) * self._loss(tokens, targets)
        return total

    def finish(self) -> None:
        """Do nothing: the maps are not part of the model."""

    def active(self, tokens: Float[Tensor, "batch windows dim"]) -> Float[Tensor, "batch windows labels"]:
        """Return the logits of the labels that sound in each window, from its token alone."""
        return self._similarity(tokens - self.centre) + self.bias[0]

    def _similarity(self, centred: Tensor) -> Tensor:
        return self.scale * F.normalize(centred, dim=-1) @ F.normalize(self.label_vectors - self.centre, dim=-1).T

    def _loss(self, tokens: Tensor, targets: Sequence[_Targets]) -> Tensor:
        active = torch.stack([t.active for t in targets])
        edges = torch.stack([t.edges for t in targets], dim=1)
        times = torch.stack([t.times for t in targets], dim=1)
        loss = F.binary_cross_entropy_with_logits(self.active(tokens), active, reduction="none").sum(-1).mean()
        for side in (0, 1):
            starting = self._similarity(self.edge_maps[side](tokens)) + self.bias[1 + side]
            missed = F.binary_cross_entropy_with_logits(starting, edges[side], reduction="none").sum(-1).mean()
            loss = loss + EDGE_WEIGHT * missed
            at = times[side] >= 0
            if at.any():
                digits = self.digit_maps[side](tokens[at]).unflatten(-1, (4, 10))
                tenths = times[side][at]
                parts = torch.stack([tenths // 1000 % 10, tenths // 100 % 10, tenths // 10 % 10, tenths % 10], dim=1)
                loss = loss + DIGIT_WEIGHT * F.cross_entropy(digits.flatten(0, 1), parts.flatten())
        share = active.sum(-1, keepdim=True)
        pull = active @ self.label_vectors / share.clamp(min=1e-6)
        pull = torch.where(share > 0, pull, self.silence)
        distance = (tokens - pull).square().sum(-1) / self.label_vectors.square().sum(-1).mean()
        return loss + PULL_WEIGHT * distance.mean()

    def _targets(self, target: AlignmentExample, count: int) -> _Targets:
        active = torch.zeros(count, len(self.labels))
        edges = torch.zeros(2, count, len(self.labels))
        times = torch.full((2, count), -1)
        width = self.window_s
        first = torch.arange(count) * width
        for label, start, end in target.events:
            inside = (torch.clamp(first + width, max=end) - torch.clamp(first, min=start)).clamp(min=0) / width
            active[:, label] = torch.maximum(active[:, label], inside)
            for side, time in ((0, start), (1, end)):
                window = min(int(time / width), count - 1)
                edges[side, window, label] = 1.0
                times[side, window] = round(time * 10)
        return _Targets(active.to(self.device), edges.to(self.device), times.to(self.device))


def _name(event: Annotation) -> str:
    return (event.label or event.caption.rstrip(".")).replace("_", " ").strip().lower()


def word_vectors(embedding: Tensor, tokenizer: Tokenizer, words: Sequence[str]) -> Float[Tensor, "words dim"]:
    """Return the mean input embedding of each word's tokens, encoded with a leading space."""
    return torch.stack([embedding[tokenizer.encode(f" {word}")].float().mean(dim=0) for word in words])
