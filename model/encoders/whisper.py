"""The speech encoder: Whisper's, run at a segment's true length."""

from jaxtyping import Float
from torch import Tensor, nn
from transformers import WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from model.audio.log_mel import log_mel


class SpeechEncoder(nn.Module):
    """Turns waveforms into speech features, 50 frames per second.

    The layers are those of transformers, whose own forward requires 30 s of input and has no mask. Pretrained weights
    need 30 s; models trained at the true length run without padding.

    Source: paper, Eq. 2 (G_Whisper).
    """

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__()
        config._attn_implementation = "sdpa"
        self.encoder = WhisperEncoder(config)
        self.num_mels: int = config.num_mel_bins
        self.dim: int = config.d_model

    def forward(
        self, waveforms: Float[Tensor, "batch samples"], first_position: int = 0
    ) -> Float[Tensor, "batch frames dim"]:
        """Encode segments of one length, a multiple of 320 samples.

        `first_position` shifts the position embedding; training uses it to learn every position of 30 s from shorter
        clips.
        """
        return self.encode(log_mel(waveforms, num_mels=self.num_mels), first_position)

    def encode(
        self, mel: Float[Tensor, "batch mels mel_frames"], first_position: int = 0
    ) -> Float[Tensor, "batch frames dim"]:
        """Encode a log-mel spectrogram with 100 frames per second."""
        net = self.encoder
        hidden = nn.functional.gelu(net.conv1(mel))
        hidden = nn.functional.gelu(net.conv2(hidden)).transpose(1, 2)
        num_frames = hidden.shape[1]
        hidden = hidden + net.embed_positions.weight[first_position : first_position + num_frames]
        hidden = nn.functional.dropout(hidden, p=net.dropout, training=self.training)
        for layer in net.layers:
            hidden = layer(hidden, None)
        normed: Tensor = net.layer_norm(hidden)
        return normed
