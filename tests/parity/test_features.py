"""Compare the filterbank, log-mel and BEATs with numbers of the authors' released code and with `transformers`."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from transformers import WhisperFeatureExtractor

from model.audio.fbank import SILENCE, fbank, num_steps
from model.audio.log_mel import log_mel
from model.encoders.beats import BEATs, BEATsConfig
from tests.synthetic import sound

DATA = Path(__file__).parent / "data"


def clip(seconds, seed):
    """Return a synthetic clip as float64 [1, samples]."""
    return torch.from_numpy(sound(seconds, seed) / 32768)[None]


CLIPS = {"s10": (10.0, 12345), "s6": (6.4, 777)}


@pytest.fixture(scope="module")
def reference():
    with np.load(DATA / "features.npz") as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays}


@pytest.fixture(scope="module")
def beats():
    values = json.loads((DATA / "tiny_configs.json").read_text())["beats"]
    known = {field.name for field in fields(BEATsConfig)}
    net = BEATs(BEATsConfig(**{name: value for name, value in values.items() if name in known}))
    weights = load_file(DATA / "weights.safetensors")
    net.load_state_dict({k.removeprefix("beats."): v for k, v in weights.items() if k.startswith("beats.")})
    return net.eval().requires_grad_(False)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 2e-5)])
def test_fbank_equals_kaldi_in_the_released_code(dtype, tolerance, reference):
    for name, given in CLIPS.items():
        ours = fbank(clip(*given), dtype=dtype)
        torch.testing.assert_close(ours, reference[f"{name}_fbank"].float(), atol=1e-3, rtol=0)  # stored as float16
        if name == "s10":
            torch.testing.assert_close(ours[:, ::8], reference["s10_fbank_every_8th"], atol=tolerance, rtol=0)


def test_the_fourth_band_is_empty_and_silence_is_a_constant():
    features = fbank(clip(1.0, 1))
    assert (features[..., 3] - SILENCE).abs().max() < 1e-6
    assert (fbank(torch.zeros(1, 16_000)) - SILENCE).abs().max() < 1e-6
    assert pytest.approx(-2.3917, abs=1e-4) == SILENCE


def test_fbank_uses_only_complete_windows():
    expected = {0: 0, 399: 0, 400: 1, 559: 1, 560: 2, 480_000: 2998}
    assert {num_samples: num_steps(num_samples) for num_samples in expected} == expected
    shapes = {num_samples: fbank(torch.zeros(2, num_samples)).shape for num_samples in expected}
    assert shapes == {num_samples: (2, steps, 128) for num_samples, steps in expected.items()}


@pytest.mark.parametrize("num_mels", [80, 128])
def test_log_mel_equals_transformers(num_mels):
    padded = F.pad(clip(10.0, 12345), (0, 480_000 - 160_000)).float()
    extractor = WhisperFeatureExtractor(feature_size=num_mels)
    theirs = extractor(padded[0].numpy(), sampling_rate=16_000, return_tensors="pt")
    torch.testing.assert_close(log_mel(padded, num_mels), theirs["input_features"], atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", CLIPS)
def test_log_mel_equals_the_released_code(name, reference):
    waveform = clip(*CLIPS[name]).float()
    theirs = reference[f"{name}_mel"]
    ours = log_mel(F.pad(waveform, (0, 480_000 - waveform.shape[1])))[..., : theirs.shape[2]]
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)


def test_log_mel_rows_do_not_influence_each_other():
    quiet, loud = clip(1.0, 1).float() / 1000, clip(1.0, 2).float()
    both = log_mel(torch.cat((quiet, loud)))
    torch.testing.assert_close(both, torch.cat((log_mel(quiet), log_mel(loud))), atol=1e-6, rtol=0)


def test_log_mel_requires_complete_frames():
    for num_samples in (0, 319, 321, 400):
        with pytest.raises(ValueError, match="multiple of 320"):
            log_mel(torch.zeros(1, num_samples))


@pytest.mark.parametrize("name", CLIPS)
def test_beats_equals_the_released_code(name, beats, reference):
    ours = beats(fbank(clip(*CLIPS[name]), dtype=torch.float64))
    torch.testing.assert_close(ours, reference[f"{name}_beats"], atol=1e-4, rtol=0)


def test_beats_equals_the_released_code_in_a_padded_batch(beats, reference):
    sounds = torch.cat([F.pad(wave, (0, 160_000 - wave.shape[1])) for wave in (clip(*c) for c in CLIPS.values())])
    ours = beats(fbank(sounds, dtype=torch.float64), reference["batch_padding_mask"])
    torch.testing.assert_close(ours, reference["batch_beats"], atol=1e-4, rtol=0)


def test_beats_equals_the_released_code_on_a_minute(beats, reference, monkeypatch):
    monkeypatch.setattr("model.encoders.beats.QUERY_BLOCK", 1000)  # 3,112 tokens in four blocks; the last one is short
    ours = beats(fbank(clip(62.3, 12345), dtype=torch.float64))
    assert ours.shape[1] == 3112
    torch.testing.assert_close(ours[:, ::50], reference["d62_beats_every_50th"], atol=1e-4, rtol=0)
