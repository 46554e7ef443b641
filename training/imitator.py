"""Imitation: a fresh connector learns to give the same audio tokens as the checkpoint's connector.

The new connector is never trained on the recordings that the manifest leaves out. Its tokens for them are therefore as
unclear as those of any new recording, but mean the same to the language model (`training.out_of_fold`). The new
connector may also take frames from encoders other than the checkpoint's. These encoders then replace the checkpoint's,
and the language model does not have to learn new tokens. The language model does not run during imitation.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from model.connector.connector import Connector
from model.encoders.fuse import Fusion
from model.timeaudio import TimeAudio
from training.data.manifest import Row
from training.feature_dropout import FeatureDropout
from training.frame_batches import frames_by_length
from training.parameter_group import ParameterGroup, by_weight_decay
from training.stage_data import FeatureExtractor
from training.stages import StageConfig


class ImitationExample(NamedTuple):
    """A row. The targets are the start's tokens for its recording. `answer` is empty: no text is generated."""

    row: Row
    answer: tuple[int, ...] = ()


class Imitator(nn.Module):
    """A fresh fusion and connector with the start's time encoding. Trains like `Learner`.

    The loss is the mean squared distance to the start's tokens, relative to the mean square of those tokens.

    Args:
        model: the model that gets the fresh modules. It is also the start, unless `other_start` is given.
        config: the stage.
        other_start: a start with other encoders, and the extractor of their frames; None: `model` is the start, and
            both connectors take the same frames.
    """

    def __init__(
        self, model: TimeAudio, config: StageConfig, other_start: tuple[TimeAudio, FeatureExtractor] | None = None
    ) -> None:
        super().__init__()
        start, features = other_start or (model, None)
        self._start_features: FeatureExtractor | None = features
        # A tuple, so that the start's modules are not submodules of this one: they neither train nor are saved.
        self._start = (start.fusion.eval().requires_grad_(False), start.connector.eval().requires_grad_(False))
        model.fusion = Fusion(model.speech.dim, model.sound.dim)
        model.connector = Connector(model.config, model.fusion.dim, model.llm.config.hidden_size)
        _copy_clock(self._start[1].time_encoding.weight, model.connector.time_encoding.weight, model.speech.dim)
        self.fusion, self.connector = model.fusion, model.connector
        self.connector.time_encoding.requires_grad_(False)
        self.feature_dropout = FeatureDropout(config.feature_dropout if config.dropout else 0.0)
        for part in self.modules() if not config.dropout else ():
            if isinstance(part, nn.Dropout):
                part.p = 0.0
        self._rate = config.rates.get("connector", 1.0)
        self.num_tokens = self.num_padded = 0

    def groups(self) -> list[ParameterGroup]:
        """Return the trained parameters; biases and norms have no weight decay."""
        return by_weight_decay([p for p in self.parameters() if p.requires_grad], self._rate)

    def example(self, row: Row) -> ImitationExample:
        """Return an example; rows have no targets of their own."""
        return ImitationExample(row)

    def loss_weight(self, examples: Sequence[ImitationExample]) -> float:
        """Return the divisor of a sum of losses: the number of recordings."""
        return float(len(examples))

    def forward(
        self, frames: Sequence[tuple[Tensor, Tensor]], samples: Sequence[int], examples: Sequence[ImitationExample]
    ) -> Tensor:
        """Return the losses, summed over recordings."""
        fusion, connector = self._start
        theirs = frames
        if self._start_features is not None:
            theirs = self._start_features.frames([example.row for example in examples])
        total = self.fusion.speech_norm.weight.new_zeros(())
        for places, speech, sound in frames_by_length(frames, total.device):
            count = [samples[place] for place in places]
            with torch.no_grad():
                of_start = [torch.cat([theirs[place][side] for place in places]).to(total.device) for side in (0, 1)]
                wanted = connector(fusion(*of_start), count, may_merge=False).float()
            fused = self.feature_dropout(self.fusion(speech, sound))
            tokens = self.connector(fused, count, may_merge=False).float()
            total = total + len(places) * (tokens - wanted).square().mean() / wanted.square().mean()
        return total

    def finish(self) -> None:
        """Do nothing: the model has the modules already."""


@torch.no_grad()
def _copy_clock(start: Tensor, fresh: Tensor, speech_dim: int) -> None:
    """Copy the time encoding; if the sound encoders differ in width, only the part for the speech features."""
    dim = start.shape[1] if start.shape == fresh.shape else speech_dim
    fresh.zero_()
    fresh[:, :dim] = start[:, :dim]
