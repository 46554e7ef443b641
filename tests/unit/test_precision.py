"""The precision in which a checkpoint computes on a device."""

import dataclasses

import numpy as np
import pytest
import torch

from model import checkpoint as checkpoint_module
from model import precision
from model.audio.segment import split
from model.audio.waveform import Waveform
from model.checkpoint import load_checkpoint, save_checkpoint
from model.encoders.aisfx import AisfxConfig, AisfxEncoder
from model.encoders.beats import BEATs, BEATsConfig
from model.encoders.conv import ConvEncoder, ConvEncoderConfig
from model.encoders.yamnet import YamnetConfig, YamnetEncoder
from model.pipeline import Pipeline
from tests.factories import small_model

SEGMENTS = split(Waveform(np.random.default_rng(0).normal(0, 0.1, 24_000).astype(np.float32)))


@pytest.fixture
def auto(tmp_path):
    model, tokenizer = small_model()
    model.config = dataclasses.replace(model.config, language_dtype="auto")
    save_checkpoint(tmp_path / "auto", model, tokenizer, dtype=torch.float32)
    return tmp_path / "auto"


def test_a_cpu_computes_in_bfloat16_only_if_that_is_clearly_faster(monkeypatch):
    threads = torch.get_num_threads()
    assert precision.fastest_dtype.__wrapped__("cpu") in (torch.float32, torch.bfloat16)
    assert torch.get_num_threads() == threads, "the measurement leaves them as they were"
    seconds = {}
    monkeypatch.setattr(
        precision, "_seconds", lambda product, dtype: 1.0 if dtype == torch.float32 else seconds[product]
    )
    for why, bfloat16_s, expected in [
        ("faster", (0.2, 0.2, 0.5), torch.bfloat16),
        ("not clearly faster for few rows", (0.9, 0.2, 0.5), torch.float32),
        ("slower in convolutions", (0.2, 0.2, 7.0), torch.float32),
    ]:
        seconds.update(zip(precision.PRODUCTS, bfloat16_s, strict=True))
        assert precision.fastest_dtype.__wrapped__("cpu") is expected, why


@torch.inference_mode()
def test_every_sound_encoder_computes_in_bfloat16():
    torch.manual_seed(0)
    encoders = (
        BEATs(BEATsConfig(encoder_layers=2, encoder_embed_dim=32, encoder_attention_heads=4)),
        ConvEncoder(ConvEncoderConfig(channels=(4, 8, 8, 8, 16))),
        AisfxEncoder(AisfxConfig(channels=(4, 4, 8, 8))),
        YamnetEncoder(YamnetConfig(channels=(2, 3, 4, 4, 5, 5, 6, 6, 6, 6, 6, 6, 8))),
    )
    waveforms, wrong = torch.randn(2, 16_000) * 0.1, []
    for encoder in encoders:
        exact = encoder.eval().encode_frames(waveforms)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = encoder.encode_frames(waveforms)
        least = torch.nn.functional.cosine_similarity(exact, rounded.float(), dim=-1).min()
        if rounded.dtype is not torch.bfloat16 or not least > 0.99:
            wrong.append((type(encoder).__name__, rounded.dtype, float(least)))
    assert wrong == []


@torch.inference_mode()
def test_only_inference_rounds_an_auto_checkpoint(monkeypatch, auto):
    monkeypatch.setattr(checkpoint_module, "fastest_dtype", lambda device_type: torch.bfloat16)
    exact, _ = load_checkpoint(auto)
    assert exact.llm.dtype is torch.float32
    rounded = Pipeline.load(auto, num_slots=1).model
    assert rounded.llm.dtype is torch.bfloat16
    speech, sound = exact.encode_segments(SEGMENTS)
    for ours, theirs in zip(rounded.encode_segments(SEGMENTS), (speech, sound), strict=True):
        assert ours.dtype is torch.float32
        assert not torch.equal(ours, theirs)
        assert torch.nn.functional.cosine_similarity(ours, theirs, dim=-1).min() > 0.999
    tokens = rounded.audio_tokens(speech, sound)
    assert tokens.dtype is torch.float32
    assert torch.allclose(tokens, exact.audio_tokens(speech, sound), rtol=0.05, atol=0.05)
    weight = exact.llm.get_input_embeddings().weight
    assert torch.equal(rounded.llm.get_input_embeddings().weight, weight.bfloat16())
