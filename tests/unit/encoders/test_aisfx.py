"""The aiSFX encoder: its front end compared with a slow version at 44.1 kHz, its times, and independent batch rows."""

import math

import numpy as np
import torch

from model.encoders.aisfx import HOP, AisfxConfig, AisfxEncoder, log_mel_44k

TINY = AisfxConfig(num_mels=96, channels=(4, 4, 8, 8))


def tiny() -> AisfxEncoder:
    torch.manual_seed(0)
    return AisfxEncoder(TINY)


def test_parameters_have_the_upstream_names():
    published = AisfxEncoder(AisfxConfig())
    inside = ("conv1.weight", "conv2.weight")
    inside += tuple(
        f"{norm}.{name}"
        for norm in ("bn1", "bn2")
        for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    )
    assert set(published.state_dict()) == {f"conv_block{n}.{name}" for n in (1, 2, 3, 4) for name in inside}
    assert published.state_dict()["conv_block4.conv1.weight"].shape == (512, 256, 3, 3)
    assert published.dim == 512


def test_any_length_gives_fifty_frames_a_second():
    for frames in [1, 2, 8, 9, 10, 92, 93, 94, 1500]:
        with torch.no_grad():
            out = tiny().encode_frames(torch.randn(2, frames * 320) * 0.1)
        assert out.shape == (2, frames, 8)
        assert out.isfinite().all()


def test_rows_of_a_batch_are_independent_even_in_training():
    net = tiny().train()
    assert not net.conv_block1.bn1.training
    waveforms = torch.randn(2, 100 * 320, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(net.encode_frames(waveforms)[:1], net.encode_frames(waveforms[:1]))


def slow_log_mel(tones: list[tuple[float, float]], seconds: float, num_mels: int) -> np.ndarray:
    """Compute the upstream log mel of a sum of sines at 44.1 kHz, window by window and band by band."""
    times = np.arange(int(seconds * 44100)) / 44100
    signal = sum(level * np.sin(2 * np.pi * hertz * times) for hertz, level in tones)
    signal = np.pad(signal, (1024, 2048))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2047)
    corners = np.linspace(0, 1127 * math.log(1 + 22050 / 700), num_mels + 2)
    filters = np.zeros((num_mels, 1025))
    for band in range(num_mels):
        for k in range(1025):
            mel = 1127 * math.log(1 + k * 44100 / 2048 / 700)
            if corners[band] < mel < corners[band + 2]:
                up = (mel - corners[band]) / (corners[band + 1] - corners[band])
                filters[band, k] = min(up, (corners[band + 2] - mel) / (corners[band + 2] - corners[band + 1]))
        filters[band] /= filters[band].sum()
    rows = [
        np.log10(1e4 * filters @ np.abs(np.fft.rfft(signal[at : at + 2048] * window)) ** 2 + 1) / 9.457798957824707
        for at in range(0, int(seconds * 44100), 1024)
    ]
    return np.stack(rows)


def test_the_front_end_equals_upstream_below_eight_kilohertz():
    tones = [(110.0, 0.3), (440.0, 0.1), (1234.5, 0.2), (3000.0, 0.05), (6500.0, 0.1)]
    times = torch.arange(3 * 16000, dtype=torch.float64) / 16000
    waveform = sum(level * torch.sin(2 * math.pi * hertz * times) for hertz, level in tones).float()
    ours, theirs = log_mel_44k(waveform[None])[0].numpy(), slow_log_mel(tones, 3.0, 96)
    assert ours.shape[0] % 8 == 0
    steps = slice(1, len(theirs) - 2)  # without the ends, where the cut sines have energy above 8 kHz
    loud = theirs[steps] > 0.3
    assert loud.sum() > 1000
    assert np.abs(ours[steps] - theirs[steps])[loud].max() < 0.01
    assert np.abs(ours[steps] - theirs[steps])[:, :68].max() < 0.06, "a rounded start changes weak side lobes slightly"


def test_bands_above_eight_kilohertz_and_silence_are_zero():
    noise = log_mel_44k(torch.randn(1, 16000))
    assert not noise[..., 71:].any()
    assert noise[0, :40, :69].min() > 0.1
    assert not log_mel_44k(torch.zeros(1, 16000)).any()
    assert not noise[0, round(16000 / HOP) + 2 :].any()


def test_clicks_are_placed_without_bias():
    net = tiny()
    for name, weight in net.named_parameters():
        if "conv" in name and weight.ndim == 4:
            weight.data.fill_(1 / weight[0].numel())  # symmetric, so only our arithmetic can move a click
    offsets = []
    with torch.no_grad():
        for middle in torch.linspace(2.0, 2.0 + 8 * HOP / 16000, 33)[:-1].tolist():
            waveform = torch.zeros(1, 200 * 320)
            waveform[0, round(middle * 16000)] = 1.0
            energy = net.encode_frames(waveform).square().sum(dim=2)[0]
            assert abs(int(energy.argmax()) - middle * 50) < 10, "a cell is 9.3 frames long"
            offsets.append(float((energy * (torch.arange(200) + 0.5)).sum() / energy.sum()) - middle * 50)
    assert abs(sum(offsets) / len(offsets)) < 0.3
