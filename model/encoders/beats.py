"""BEATs: a transformer over 16 x 16 patches of a spectrogram, pretrained on sounds of any kind.

Source: Chen et al. 2022, "BEATs: Audio Pre-Training with Acoustic Tokenizers" (arXiv 2212.09058), sections 3 and 4.1.
Its attention has T5's relative positions, gated by the query (Chi et al. 2021, "XLM-E", section 3.4, as in WavLM), and
its layers have DeepNet's scaled residuals (Wang et al. 2022, section 3.2). This code is written from the papers; the
parameters have the names of the authors' checkpoints, so these checkpoints load unchanged.

Note the order of the tokens: a patch covers 160 ms and one of eight mel bands, and a segment's tokens come out as
patch 0 band 0, patch 0 band 1, ... That is 50 tokens per second, as many as Whisper has frames, and the released
TimeAudio (like SALMONN) pairs them one to one. Groups of eight are aligned in time, but the "frames" inside a group are
bands, not successive instants. `BEATsConfig.band_order` selects the behaviour.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from model.audio.fbank import SILENCE, fbank, num_steps
from model.audio.segment import FRAME_SAMPLES

NUM_BANDS = 8
"""Patches along the frequency axis: 128 mel bands in patches of 16. A patch also lasts 8 frames of 20 ms."""

PATCH_STEPS = 16
"""Steps of 10 ms, and mel bands, in a patch."""

QUERY_BLOCK = 2048
"""Queries processed at once. It bounds the memory for position biases, which grows with queries x keys x heads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BEATsConfig:
    """Sizes of a BEATs model, named as in the authors' checkpoints. The defaults are the released iter3+ model's.

    The authors' fields that only matter for their own training (`finetuned_model`, `predictor_class`, ...) are omitted.

    Raises:
        ValueError: no released checkpoint has this variant.
    """

    encoder_layers: int = 12
    encoder_embed_dim: int = 768
    encoder_ffn_embed_dim: int = 3072
    encoder_attention_heads: int = 12
    embed_dim: int = 512
    """Width of a patch's embedding, before it is projected to `encoder_embed_dim`."""
    input_patch_size: int = PATCH_STEPS
    conv_bias: bool = False
    conv_pos: int = 128
    """Kernel size of the positional convolution, in tokens."""
    conv_pos_groups: int = 16
    num_buckets: int = 320
    """Buckets for relative positions, both directions together."""
    max_distance: int = 800
    """Distance in tokens beyond which positions share a bucket."""
    deep_norm: bool = True
    dropout: float = 0.0
    attention_dropout: float = 0.0
    activation_dropout: float = 0.0
    dropout_input: float = 0.0
    encoder_layerdrop: float = 0.0
    activation_fn: str = "gelu"
    layer_norm_first: bool = False
    relative_position_embedding: bool = True
    gru_rel_pos: bool = True
    band_order: Literal["interleave", "mean"] = "interleave"
    """How the 8 tokens of one patch in time become 8 frames: `interleave` gives frame m the vector of band m, as
    SALMONN and TimeAudio do; `mean` gives each frame the mean of the bands. Not in the authors' checkpoints."""

    def __post_init__(self) -> None:
        fixed = (self.activation_fn, self.layer_norm_first, self.relative_position_embedding, self.gru_rel_pos)
        if fixed != ("gelu", False, True, True) or self.input_patch_size != PATCH_STEPS:
            raise ValueError(
                "BEATs supports only the released variant: activation_fn gelu, layer_norm_first False, "
                f"relative_position_embedding and gru_rel_pos True, input_patch_size {PATCH_STEPS}; got {self}."
            )
        if self.encoder_embed_dim % self.encoder_attention_heads:
            raise ValueError(f"encoder_attention_heads must divide encoder_embed_dim: {self}.")
        if self.band_order not in ("interleave", "mean"):
            raise ValueError(f"band_order must be interleave or mean, not {self.band_order!r}.")


class BEATs(nn.Module):
    """Turns filterbank energies into one vector per patch.

    Source: BEATs, section 3.1; the output is the last layer's, without another norm or the classifier.
    """

    def __init__(self, config: BEATsConfig) -> None:
        super().__init__()
        self.config = config
        self.dim = config.encoder_embed_dim
        size = config.input_patch_size
        self.patch_embedding = nn.Conv2d(1, config.embed_dim, size, stride=size, bias=config.conv_bias)
        self.layer_norm = nn.LayerNorm(config.embed_dim)
        self.post_extract_proj = (
            nn.Linear(config.embed_dim, config.encoder_embed_dim)
            if config.embed_dim != config.encoder_embed_dim
            else nn.Identity()
        )
        self.dropout_input = nn.Dropout(config.dropout_input)
        self.encoder = Encoder(config)

    def forward(
        self, energies: Float[Tensor, "batch steps 128"], is_padding: Bool[Tensor, "batch tokens"] | None = None
    ) -> Float[Tensor, "batch tokens dim"]:
        """Return one vector per patch: token 8 p + m is band m of patch p in time, 8 x (steps // 16) tokens in all.

        Args:
            energies: `fbank(waveforms)`; steps that do not fill a patch are ignored.
            is_padding: True for padding tokens. They are masked in attention, so a row's tokens do not depend on its
                amount of padding; their own vectors are meaningless.
        """
        patches = self.patch_embedding(energies.to(self.patch_embedding.weight.dtype)[:, None])  # [B, E, T, bands]
        tokens = self.post_extract_proj(self.layer_norm(patches.flatten(2).transpose(1, 2)))
        return self.encoder(self.dropout_input(tokens), is_padding)

    def encode_frames(
        self, waveforms: Float[Tensor, "batch samples"], num_samples: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch frames dim"]:
        """Return one vector per 20 ms frame, ceil(samples / 320) in all, the same as `Segment.num_frames`.

        Args:
            waveforms: 16 kHz, one segment each; shorter ones are padded with zeros.
            num_samples: the true length of each; `samples` if None. A row's frames do not depend on the other rows;
                those past its own ceil(num_samples / 320) are meaningless.
        """
        num_frames = -(-waveforms.shape[1] // FRAME_SAMPLES)
        banks = fbank(waveforms)
        if num_samples is None:
            return self.encode(banks, num_frames)
        own_steps = torch.tensor([num_steps(n) for n in num_samples.tolist()], device=banks.device)
        is_valid = torch.arange(banks.shape[1], device=banks.device) < own_steps[:, None]
        own_patches = -(-num_samples.to(banks.device) // (FRAME_SAMPLES * NUM_BANDS))
        patches = torch.arange(-(-num_frames // NUM_BANDS), device=banks.device)
        is_padding = (patches >= own_patches[:, None]).repeat_interleave(NUM_BANDS, dim=1)
        return self.encode(banks.where(is_valid[..., None], SILENCE), num_frames, is_padding)

    def encode(
        self,
        banks: Float[Tensor, "batch steps 128"],
        num_frames: int,
        is_padding: Bool[Tensor, "batch tokens"] | None = None,
    ) -> Float[Tensor, "batch frames dim"]:
        """Return the first `num_frames` frames of a filterbank, padded with silence until patches cover all frames.

        30 s give 2,998 steps: 3,008 with the silence, so 1,504 tokens, of which 1,500 are kept. The released code
        instead stops at the last whole patch and has 1,496.
        """
        num_patches = -(-num_frames // NUM_BANDS)
        missing = num_patches * PATCH_STEPS - banks.shape[1]
        tokens = self(F.pad(banks, (0, 0, 0, missing), value=SILENCE), is_padding)
        if self.config.band_order == "mean":
            bands = tokens.unflatten(1, (num_patches, NUM_BANDS))
            tokens = bands.mean(dim=2, keepdim=True).expand_as(bands).flatten(1, 2)
        return tokens[:, :num_frames]


class Encoder(nn.Module):
    """A positional convolution, then transformer layers that share one table of position biases.

    Source: BEATs, section 4.1; the convolution is wav2vec 2.0's (Baevski et al. 2020, section 2).
    """

    def __init__(self, config: BEATsConfig) -> None:
        super().__init__()
        self.pos_conv = nn.Sequential(PositionConv(config), nn.GELU())
        layers = [Layer(config) for _ in range(config.encoder_layers)]
        self.layers = nn.ModuleList(layers)
        self.layer_norm = nn.LayerNorm(config.encoder_embed_dim)
        self.dropout = nn.Dropout(config.dropout)
        self.layerdrop = config.encoder_layerdrop
        self.num_buckets, self.max_distance = config.num_buckets, config.max_distance
        shared = nn.Embedding(config.num_buckets, config.encoder_attention_heads)
        nn.init.xavier_normal_(shared.weight)
        for layer in layers:
            layer.self_attn.relative_attention_bias = shared

    def forward(
        self, tokens: Float[Tensor, "batch tokens dim"], is_padding: Bool[Tensor, "batch tokens"] | None = None
    ) -> Float[Tensor, "batch tokens dim"]:
        """Encode the tokens; the shape is kept. No norm follows the last layer, which ends with its own."""
        if is_padding is not None:
            tokens = tokens.masked_fill(is_padding[..., None], 0)
        tokens = self.dropout(self.layer_norm(tokens + self.pos_conv(tokens.transpose(1, 2)).transpose(1, 2)))
        buckets = relative_buckets(tokens.shape[1], self.num_buckets, self.max_distance).to(tokens.device)
        for layer in self.layers:
            if self.training and self.layerdrop and torch.rand(()) < self.layerdrop:
                continue
            tokens = layer(tokens, buckets, is_padding)
        return tokens


class PositionConv(nn.Module):
    """A grouped convolution over time, its weight stored as a direction and a norm per tap.

    Source: wav2vec 2.0, section 2; Salimans and Kingma 2016, "Weight Normalization", Eq. 2.
    """

    def __init__(self, config: BEATsConfig) -> None:
        super().__init__()
        dim, taps, self.groups = config.encoder_embed_dim, config.conv_pos, config.conv_pos_groups
        deviation = math.sqrt(4 / (taps * dim))
        self.weight_v = nn.Parameter(torch.randn(dim, dim // self.groups, taps) * deviation)
        self.weight_g = nn.Parameter(torch.linalg.vector_norm(self.weight_v.detach(), dim=(0, 1), keepdim=True))
        self.bias = nn.Parameter(torch.zeros(dim))

    def forward(self, hidden: Float[Tensor, "batch dim tokens"]) -> Float[Tensor, "batch dim tokens"]:
        """Apply the convolution; the shape is kept. With an even number of taps it reaches one token further back."""
        weight = self.weight_v * (self.weight_g / torch.linalg.vector_norm(self.weight_v, dim=(0, 1), keepdim=True))
        taps = weight.shape[2]
        return F.conv1d(hidden, weight, self.bias, padding=taps // 2, groups=self.groups)[..., : hidden.shape[2]]


class Layer(nn.Module):
    """Attention and a feed-forward network, each added to a scaled copy of its input and then normalised.

    Source: DeepNet (Wang et al. 2022), section 3.2: the scale of an encoder is (2 x layers)^(1/4).
    """

    def __init__(self, config: BEATsConfig) -> None:
        super().__init__()
        dim = config.encoder_embed_dim
        self.self_attn = Attention(config)
        self.self_attn_layer_norm = nn.LayerNorm(dim)
        self.fc1 = nn.Linear(dim, config.encoder_ffn_embed_dim)
        self.fc2 = nn.Linear(config.encoder_ffn_embed_dim, dim)
        self.final_layer_norm = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(config.dropout)
        self.activation_dropout = nn.Dropout(config.activation_dropout)
        self.scale = (2 * config.encoder_layers) ** 0.25 if config.deep_norm else 1.0
        self._initialise((8 * config.encoder_layers) ** -0.25 if config.deep_norm else 1.0)

    def _initialise(self, gain: float) -> None:
        """Initialise as in DeepNet, for models trained here: the deeper the model, the smaller a layer's output."""
        attention = self.self_attn
        for linear in (attention.q_proj, attention.k_proj):
            nn.init.xavier_normal_(linear.weight)
        for linear in (attention.v_proj, attention.out_proj, self.fc1, self.fc2):
            nn.init.xavier_normal_(linear.weight, gain=gain)
        for linear in (attention.q_proj, attention.k_proj, attention.v_proj, attention.out_proj, self.fc1, self.fc2):
            nn.init.zeros_(linear.bias)

    def forward(
        self,
        tokens: Float[Tensor, "batch tokens dim"],
        buckets: Int[Tensor, " offsets"],
        is_padding: Bool[Tensor, "batch tokens"] | None,
    ) -> Float[Tensor, "batch tokens dim"]:
        """Apply the layer; the shape is kept."""
        attended = self.dropout(self.self_attn(tokens, buckets, is_padding))
        tokens = self.self_attn_layer_norm(self.scale * tokens + attended)
        inner = self.activation_dropout(F.gelu(self.fc1(tokens)))
        normed: Tensor = self.final_layer_norm(self.scale * tokens + self.dropout(self.fc2(inner)))
        return normed


class Attention(nn.Module):
    """Self-attention whose position biases are scaled per query by a gate computed from the query.

    With q and k of one head, b the bias of the distance, s = sigmoid, and u, w the two halves of `grep_linear`'s rows:
    logits = q k / sqrt(d) + (s(sum u q) (s(sum w q) a - 1) + 2) b. Against overflow in float16, the authors also divide
    q by 32 and multiply the logits by 32 after subtracting their maximum. That only changes rounding, and the fused
    attention here accumulates in float32.

    Source: Chi et al. 2021, "XLM-E", section 3.4 (gated relative position bias).
    """

    relative_attention_bias: nn.Embedding  # shared by all layers, set by `Encoder`; saved under each layer's name

    def __init__(self, config: BEATsConfig) -> None:
        super().__init__()
        dim, self.num_heads = config.encoder_embed_dim, config.encoder_attention_heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(dim, dim) for _ in range(4))
        self.grep_linear = nn.Linear(dim // self.num_heads, 8)
        self.grep_a = nn.Parameter(torch.ones(1, self.num_heads, 1, 1))
        self.dropout = config.attention_dropout

    def forward(
        self,
        tokens: Float[Tensor, "batch tokens dim"],
        buckets: Int[Tensor, " offsets"],
        is_padding: Bool[Tensor, "batch tokens"] | None,
    ) -> Float[Tensor, "batch tokens dim"]:
        """Attend; the shape is kept. `buckets` holds the bucket of every distance, from 1 - tokens to tokens - 1."""
        length = tokens.shape[1]
        q, k, v = (
            project(tokens).unflatten(2, (self.num_heads, -1)).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )  # [batch, heads, tokens, head_dim]
        first, second = self.grep_linear(q).unflatten(3, (2, 4)).sum(-1).sigmoid().chunk(2, dim=-1)
        gate = first * (second * self.grep_a - 1.0) + 2.0  # [batch, heads, tokens, 1]
        # Row w of this view holds the biases of the query at tokens - 1 - w to all keys, without a copy per query.
        biases = self.relative_attention_bias(buckets).T.unfold(1, length, 1)  # [heads, tokens, tokens]
        blocks = []
        for start in range(0, length, QUERY_BLOCK):
            stop = min(start + QUERY_BLOCK, length)
            mask = gate[:, :, start:stop] * biases[:, length - stop : length - start].flip(1)
            if is_padding is not None:
                mask = mask.masked_fill(is_padding[:, None, None], -math.inf)
            dropout = self.dropout if self.training else 0.0
            blocks.append(F.scaled_dot_product_attention(q[:, :, start:stop], k, v, mask, dropout))
        attended: Tensor = self.out_proj(torch.cat(blocks, dim=2).transpose(1, 2).flatten(2))
        return attended


def relative_buckets(num_tokens: int, num_buckets: int, max_distance: int) -> Int[Tensor, " offsets"]:
    """Return the bucket of every distance (key minus query) from 1 - num_tokens to num_tokens - 1.

    Half the buckets are for keys after the query. In each half, the first half of the buckets hold one distance each;
    the rest hold distances up to `max_distance` in logarithmic steps, and the last one everything beyond.

    Source: Raffel et al. 2020, "T5", section 2.1.
    """
    distance = torch.arange(1 - num_tokens, num_tokens)
    half = num_buckets // 2
    exact = half // 2
    size = distance.abs()
    # In float32, as the released weights were trained: other rounding would move distances to a neighbouring bucket.
    steps = (size.clamp(min=1).float() / exact).log() / math.log(max_distance / exact) * (half - exact)
    logarithmic = (exact + steps.long()).clamp(max=half - 1)
    return torch.where(size < exact, size, logarithmic) + half * (distance > 0)
