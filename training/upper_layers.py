"""Start a transcriber from the upper layers of a whole Whisper checkpoint, those that the speech encoder leaves out."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import WhisperConfig

from model.audio.log_mel import log_mel
from model.audio.waveform import SAMPLE_RATE
from model.encoders.transcriber import Transcriber, TranscriberConfig
from model.encoders.whisper import SpeechEncoder
from training.data.recordings import DataError

PREFIX = "model.encoder."


def upper_layers(folder: Path, lower: SpeechEncoder) -> Transcriber:
    """Return a transcriber above `lower`, which has the first layers of the checkpoint in `folder`.

    Its output layer is random.

    Raises:
        DataError: the folder has no Whisper checkpoint, or one of another size or without further layers.
    """
    try:
        config = WhisperConfig.from_pretrained(str(folder))
        tensors = load_file(folder / "model.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise DataError(f"{folder} is not a Whisper checkpoint in the layout of transformers: {error}") from None
    tensors = {name.removeprefix(PREFIX): t.float() for name, t in tensors.items() if name.startswith(PREFIX)}
    num_lower = len(lower.encoder.layers)
    if config.d_model != lower.dim or config.encoder_layers <= num_lower:
        raise DataError(
            f"{folder} has {config.encoder_layers} encoder layers of {config.d_model}: a transcriber needs more than"
            f" the {num_lower} layers of {lower.dim} that the checkpoint has."
        )
    whole = SpeechEncoder(config)
    try:
        whole.encoder.load_state_dict(tensors)
    except RuntimeError:
        raise DataError(f"{folder} lacks layers of Whisper's encoder: name a whole Whisper checkpoint.") from None
    upper = Transcriber(
        TranscriberConfig(
            dim=config.d_model, num_layers=config.encoder_layers - num_lower,
            num_heads=config.encoder_attention_heads, feed_forward_dim=config.encoder_ffn_dim,
        )
    )  # fmt: skip
    upper.layers.load_state_dict(nn.ModuleList(whole.encoder.layers[num_lower:]).state_dict())
    upper.norm.load_state_dict(whole.encoder.layer_norm.state_dict())
    norm = lower.encoder.layer_norm
    with torch.no_grad():
        upper.scale.copy_(_typical_std(whole.eval(), num_lower) / norm.weight.cpu())
        upper.shift.copy_(-norm.bias.cpu() * upper.scale)
    return upper


@torch.no_grad()
def _typical_std(whole: SpeechEncoder, num_lower: int) -> Tensor:
    """Return the typical spread of a frame's values after the lower layers. It differs little from frame to frame."""
    noise = torch.randn(1, 5 * SAMPLE_RATE, generator=torch.Generator().manual_seed(0)) * 0.05
    net = whole.encoder
    hidden = nn.functional.gelu(net.conv1(log_mel(noise, num_mels=whole.num_mels)))
    hidden = nn.functional.gelu(net.conv2(hidden)).transpose(1, 2)
    hidden = hidden + net.embed_positions.weight[: hidden.shape[1]]
    for layer in net.layers[:num_lower]:
        hidden = layer(hidden, None)
    return hidden.std(-1).median()
