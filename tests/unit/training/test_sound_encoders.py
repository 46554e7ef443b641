"""Stage 0 with each kind of sound encoder that a configuration may name."""

import numpy as np
import pytest
import torch

from model.errors import CheckpointError
from training.config import DataConfig, EncoderStageConfig, OptimConfig
from training.data.composer import Pool
from training.encoders import EncoderTrainer

SPEECH = {
    "d_model": 32, "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 64, "num_mel_bins": 80
}  # fmt: skip
OPTIM = OptimConfig(steps=1, batch_size=1)
POOL = Pool({"dog": [np.zeros(16000, np.float32)]}, {})


@pytest.mark.parametrize(
    ("kind", "sizes", "dim"), [("conv", {"channels": [4, 8, 8, 8, 16]}, 16), ("aisfx", {"channels": [4, 4, 8, 8]}, 8)]
)
def test_each_kind_of_sound_encoder_gives_frames(kind, sizes, dim):
    trainer = EncoderTrainer(
        EncoderStageConfig(sound_encoder=kind, sound=sizes, speech=SPEECH, optim=OPTIM), DataConfig(), POOL
    )
    assert trainer.kind_of_sound == kind
    frames = trainer.sound_frames(torch.randn(2, 100 * 320), augment=True)
    assert frames.shape == (2, 100, dim)
    assert frames.requires_grad


def test_another_kind_is_refused():
    with pytest.raises(CheckpointError, match="one of beats, conv, aisfx, not 'cnn14'"):
        EncoderTrainer(EncoderStageConfig(sound_encoder="cnn14", speech=SPEECH, optim=OPTIM), DataConfig(), POOL)
