"""The speech encoder, the convolutional sound encoder, and their fusion."""

import torch
from transformers import WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from model.encoders.conv import ConvEncoder, ConvEncoderConfig
from model.encoders.fuse import Fusion
from model.encoders.whisper import SpeechEncoder

SMALL = WhisperConfig(
    d_model=32, encoder_layers=2, encoder_attention_heads=4, encoder_ffn_dim=64, decoder_layers=1, num_mel_bins=80
)


def test_thirty_seconds_equal_transformers():
    torch.manual_seed(0)
    ours = SpeechEncoder(SMALL).eval()
    theirs = WhisperEncoder(SMALL).eval()
    theirs.load_state_dict(ours.encoder.state_dict())
    mel = torch.randn(2, 80, 3000)
    with torch.no_grad():
        torch.testing.assert_close(ours.encode(mel), theirs(mel).last_hidden_state)


def test_both_encoders_give_fifty_frames_a_second_at_any_length():
    speech = SpeechEncoder(SMALL).eval()
    sound = ConvEncoder(ConvEncoderConfig(channels=(4, 8, 8, 8, 16))).eval()
    for frames in (5, 17, 50, 499, 500, 501):
        waveforms = torch.randn(2, frames * 320) * 0.1
        with torch.no_grad():
            assert speech(waveforms).shape == (2, frames, 32)
            assert sound.encode_frames(waveforms).shape == (2, frames, 16)


def test_a_sound_changes_the_features_only_near_its_time():
    torch.manual_seed(0)
    sound = ConvEncoder(ConvEncoderConfig(channels=(4, 8, 8, 8, 16), dilations=(1,))).eval()
    quiet = torch.randn(1, 250 * 320) * 1e-3
    loud = quiet.clone()
    loud[0, 150 * 320 : 160 * 320] = torch.randn(10 * 320) * 0.3
    with torch.no_grad():
        change = (sound.encode_frames(loud) - sound.encode_frames(quiet)).abs().amax(dim=2)[0]
    assert 148 <= int(change.argmax()) <= 162
    assert change[:100].max() < 1e-4
    assert change[210:].max() < 1e-4


def test_fusion_normalises_each_encoder_separately():
    fusion = Fusion(6, 10)
    fused = fusion(torch.randn(1, 4, 6) * 100, torch.randn(1, 4, 10) * 1e-2)
    assert fused.shape == (1, 4, 16)
    torch.testing.assert_close(fused[..., :6].mean(dim=-1), torch.zeros(1, 4), atol=1e-5, rtol=0)
    torch.testing.assert_close(fused[..., 6:].std(dim=-1, correction=0), torch.ones(1, 4), atol=0.1, rtol=0)
