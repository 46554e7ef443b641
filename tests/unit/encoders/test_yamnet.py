"""The YAMNet encoder: front end and convolutions compared with slow versions, times, independent batch rows."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from model.encoders.yamnet import STRIDES, YamnetConfig, YamnetEncoder, log_mel

TINY = YamnetConfig(channels=(2, 3, 4, 4, 5, 5, 6, 6, 6, 6, 6, 6, 8))


def tiny() -> YamnetEncoder:
    torch.manual_seed(0)
    return YamnetEncoder(TINY).eval().requires_grad_(False)


def noise(num_samples: int, rows: int = 1) -> torch.Tensor:
    return torch.randn(rows, num_samples, generator=torch.Generator().manual_seed(1)) * 0.1


def test_the_published_sizes():
    published = YamnetEncoder(YamnetConfig())
    assert published.dim == 1024
    assert published.depthwise[11].weight.shape == (512, 1, 3, 3)
    assert published.pointwise[11].weight.shape == (1024, 512, 1, 1)
    assert sum(p.numel() for p in published.parameters()) == 2_135_616


def test_any_length_gives_fifty_frames_a_second():
    for frames in [1, 2, 8, 9, 10, 92, 93, 94, 1500]:
        out = tiny().encode_frames(noise(frames * 320, rows=2))
        assert out.shape == (2, frames, 8)
        assert out.isfinite().all()


def test_rows_of_a_batch_are_independent():
    net, waveforms = tiny(), noise(100 * 320, rows=2)
    torch.testing.assert_close(net.encode_frames(waveforms)[:1], net.encode_frames(waveforms[:1]))


def slow_log_mel(samples: np.ndarray, num_mels: int) -> np.ndarray:
    """Compute YAMNet's spectrogram window by window and band by band."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    low, high = (1127 * math.log(1 + hz / 700) for hz in (125.0, 7500.0))
    corners = np.linspace(low, high, num_mels + 2)
    filters = np.zeros((num_mels, 257))
    for band in range(num_mels):
        for k in range(1, 257):
            mel = 1127 * math.log(1 + k * 16000 / 512 / 700)
            up = (mel - corners[band]) / (corners[band + 1] - corners[band])
            down = (corners[band + 2] - mel) / (corners[band + 2] - corners[band + 1])
            filters[band, k] = max(0.0, min(up, down))
    starts = range(0, len(samples) - 399, 160)
    spectra = (np.abs(np.fft.rfft(samples[at : at + 400] * window, 512)) for at in starts)
    return np.stack([np.log(filters @ spectrum + 0.001) for spectrum in spectra])


def test_the_front_end_equals_the_slow_one():
    samples = noise(16000)
    ours = log_mel(samples)[0].numpy()
    assert np.abs(ours - slow_log_mel(samples[0].double().numpy(), 64)).max() < 1e-3


def test_every_other_cell_is_that_of_the_original_strides():
    """The last strided convolution keeps the time axis; its even cells are those of the original network."""
    net, samples = tiny(), noise(32000)
    hidden = log_mel(F.pad(samples, (5120, 16000)))[:, None, :288]
    for number, conv in enumerate([net.first, *net.depthwise]):
        both = (1, 1) if STRIDES[number] == 1 else (0, 1)
        padded = F.pad(hidden, (*both, *both))
        hidden = F.relu6(F.conv2d(padded, conv.weight, conv.bias, STRIDES[number], groups=conv.groups))
        if number:
            pointwise = net.pointwise[number - 1]
            hidden = F.relu6(F.conv2d(hidden, pointwise.weight, pointwise.bias))
    slow = hidden.mean(3)[0].T
    frames = net.encode_frames(samples)[0]
    assert float(slow.std()) > 0
    # Cell k is about sample 2,560 k + 40; the middle of frame 8 k is 120 samples later, so it is nearly that cell.
    for cell in range(1, 6):
        before, own, after = (frames[16 * cell + offset] for offset in (-8, 0, 8))
        nearby = torch.stack([slow[cell], before, after])
        assert ((own - slow[cell]).abs() <= 0.06 * (nearby.amax(0) - nearby.amin(0)) + 1e-5).all()


def averaging() -> YamnetEncoder:
    """A network without dead units: every convolution averages, so that louder sound makes every feature smaller."""
    net = tiny()
    for conv in (net.first, *net.depthwise, *net.pointwise):
        conv.weight.fill_(1 / conv.weight[0].numel())
        conv.bias.zero_()
    net.first.weight /= -4
    return net


def test_a_click_is_where_it_sounds():
    """The frames around a click change most, and their middle is the click's."""
    net, silent = averaging(), torch.zeros(1, 4 * 16000)
    for second in (0.5, 1.7, 3.2):
        click = silent.clone()
        click[0, int(second * 16000) : int(second * 16000) + 800] = noise(800)[0] * 5
        change = (net.encode_frames(click) - net.encode_frames(silent))[0].abs().sum(-1)
        centre = float((change * torch.arange(len(change))).sum() / change.sum()) / 50
        assert abs(centre - (second + 0.025)) < 0.05, (second, centre)
