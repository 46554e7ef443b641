"""BEATs: one vector per frame, independent of padding and of other rows, and trainable."""

import pytest
import torch

from model.audio.fbank import fbank
from model.encoders.beats import BEATs, BEATsConfig, relative_buckets

SMALL = {
    "encoder_layers": 2,
    "encoder_embed_dim": 32,
    "encoder_ffn_embed_dim": 64,
    "encoder_attention_heads": 4,
    "embed_dim": 16,
    "conv_pos": 16,
    "conv_pos_groups": 4,
}


@pytest.fixture
def beats():
    torch.manual_seed(0)
    return BEATs(BEATsConfig(**SMALL)).eval().requires_grad_(False)


def noise(num_samples, seed=1):
    return torch.randn(1, num_samples, generator=torch.Generator().manual_seed(seed)) * 0.1


def test_there_is_one_vector_per_frame(beats):
    for num_samples, num_frames in [(1, 1), (320, 1), (321, 2), (2560, 8), (2561, 9), (160_000, 500), (480_000, 1500)]:
        assert beats.encode_frames(noise(num_samples)).shape == (1, num_frames, 32)


def test_without_padding_frames_equal_the_tokens_of_the_patches(beats):
    """No padding is needed, because 16 steps end exactly at 2,800 samples."""
    sound = noise(2560 * 10 + 240)
    tokens = beats(fbank(sound))
    torch.testing.assert_close(beats.encode(fbank(sound), 80), tokens)


def test_a_row_does_not_depend_on_other_rows_or_its_padding(beats):
    long, short = noise(60_000), noise(31_234, seed=2)
    both = torch.zeros(2, 60_000)
    both[0], both[1, :31_234] = long[0], short[0]
    frames = beats.encode_frames(both, torch.tensor([60_000, 31_234]))
    torch.testing.assert_close(frames[0], beats.encode_frames(long)[0], atol=1e-5, rtol=0)
    alone = beats.encode_frames(short)[0]
    torch.testing.assert_close(frames[1, : len(alone)], alone, atol=1e-5, rtol=0)
    unmasked = beats.encode_frames(both)[1, : len(alone)]
    assert (unmasked - alone).abs().max() > 1e-3  # without the lengths it does depend on them


def test_mean_gives_all_frames_of_a_patch_the_same_vector(beats):
    mean = BEATs(BEATsConfig(**SMALL, band_order="mean")).eval()
    mean.load_state_dict(beats.state_dict())
    sound = noise(16_000)
    bands = beats.encode_frames(sound)[0, :48].unflatten(0, (6, 8))
    frames = mean.encode_frames(sound)[0, :48].unflatten(0, (6, 8))
    torch.testing.assert_close(frames, bands.mean(dim=1, keepdim=True).expand_as(bands))


def test_all_layers_share_one_table_and_all_parameters_train(beats):
    beats = beats.requires_grad_(True).train()
    beats.encode_frames(noise(32_000)).square().mean().backward()
    names = dict(beats.named_parameters())
    assert [name for name in names if "relative_attention_bias" in name] == [
        "encoder.layers.0.self_attn.relative_attention_bias.weight"
    ]
    assert "encoder.layers.1.self_attn.relative_attention_bias.weight" in beats.state_dict()
    assert [name for name, parameter in names.items() if parameter.grad is None or not parameter.grad.any()] == []


def slow_bucket(distance, num_buckets, max_distance):
    """Compute T5's bucket of one distance, as in the paper."""
    half = num_buckets // 2
    exact, size = half // 2, abs(distance)
    bucket = size
    if size >= exact:
        ratio = torch.tensor(size / exact).log() / torch.tensor(max_distance / exact).log()
        bucket = min(half - 1, exact + int(ratio * (half - exact)))
    return bucket + (half if distance > 0 else 0)


def test_buckets_follow_t5():
    ours = relative_buckets(1500, 320, 800).tolist()
    assert ours[1499] == 0
    assert ours[1498 - 79 + 1 : 1499] == list(range(79, 0, -1))
    assert ours[1500 : 1500 + 79] == list(range(161, 240))
    assert ours[0] == 159
    assert ours[-1] == 319
    different = [
        d for d, bucket in zip(range(-1499, 1500), ours, strict=True) if abs(slow_bucket(d, 320, 800) - bucket)
    ]
    assert different == []


def test_variants_that_were_never_released_are_rejected():
    for change in [
        {"layer_norm_first": True},
        {"activation_fn": "relu"},
        {"gru_rel_pos": False},
        {"input_patch_size": 8},
        {"encoder_attention_heads": 5},
        {"band_order": "max"},
    ]:
        with pytest.raises(Exception, match=r"gelu|divide|band_order"):
            BEATsConfig(**{**SMALL, **change})


def test_the_defaults_are_the_released_size():
    with torch.device("meta"):
        shapes = {name: list(tensor.shape) for name, tensor in BEATs(BEATsConfig()).state_dict().items()}
    assert shapes["patch_embedding.weight"] == [512, 1, 16, 16]
    assert shapes["post_extract_proj.weight"] == [768, 512]
    assert shapes["encoder.pos_conv.0.weight_v"] == [768, 48, 128]
    assert shapes["encoder.pos_conv.0.weight_g"] == [1, 1, 128]
    assert shapes["encoder.layers.11.self_attn.grep_a"] == [1, 12, 1, 1]
    assert shapes["encoder.layers.11.self_attn.relative_attention_bias.weight"] == [320, 12]
    assert len(shapes) == 10 + 12 * 20
