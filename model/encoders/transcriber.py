"""Reads spoken words from the speech encoder's frames.

Whisper's lower layers distinguish sounds; its upper layers distinguish words. If a checkpoint's speech encoder has only
the lower layers, its transcriber can have the upper ones, with an output per frame that is trained by CTC (Graves et
al. 2006). The transcriber runs only where words are needed, and nothing else in the model depends on it.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from transformers import WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoderLayer

from model.timeline.lexicon import Lexicon
from model.timeline.words import OTHER_LANGUAGE

SYMBOLS = f" 'abcdefghijklmnopqrstuvwxyz{OTHER_LANGUAGE}"
"""The symbols of the output: output 0 is CTC's blank, output n the symbol n - 1."""

SEGMENT_FRAMES = 1500
"""The most frames that the layers attend to at once: 30 s, as in Whisper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriberConfig:
    """Sizes of the layers: those of the Whisper model that the layers come from."""

    dim: int
    num_layers: int
    num_heads: int
    feed_forward_dim: int


class Transcriber(nn.Module):
    """Turns speech frames into scores of the letters that are spoken in them.

    The speech encoder normalises its frames. `scale` and `shift` undo that on average, because the layers add to their
    input.

    Source: Graves et al. 2006, "Connectionist Temporal Classification"; the layers are Whisper's.

    Attributes:
        lexicon: the words that letters may mean; if None, words are spelled as the letters are.
    """

    def __init__(self, config: TranscriberConfig) -> None:
        super().__init__()
        self.config = config
        self.lexicon: Lexicon | None = None
        self.scale = nn.Parameter(torch.ones(config.dim))
        self.shift = nn.Parameter(torch.zeros(config.dim))
        settings = WhisperConfig(
            d_model=config.dim, encoder_attention_heads=config.num_heads, encoder_ffn_dim=config.feed_forward_dim,
            dropout=0.0,
        )  # fmt: skip
        settings._attn_implementation = "sdpa"
        self.layers = nn.ModuleList(WhisperEncoderLayer(settings) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(config.dim)
        self.output = nn.Linear(config.dim, 1 + len(SYMBOLS))

    def forward(
        self, frames: Float[Tensor, "batch frames dim"], is_sound: Bool[Tensor, "batch frames"] | None = None
    ) -> Float[Tensor, "batch frames symbols"]:
        """Return the log-probabilities of blank and symbols. `is_sound` is False for padding after a recording."""
        hidden = frames * self.scale + self.shift
        mask = None if is_sound is None else is_sound[:, None, None, :].expand(-1, 1, frames.shape[1], -1)
        for layer in self.layers:
            hidden = layer(hidden, mask)
        return self.output(self.norm(hidden)).float().log_softmax(-1)
