"""Simulate rooms, distance, 8-bit conversion and mains hum."""

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import lfilter

from model.audio.waveform import SAMPLE_RATE

Samples = npt.NDArray[np.float32]

EARLY_SAMPLES = SAMPLE_RATE // 200
"""The first reflection comes at least 5 ms after the direct sound."""


def add_reverberation(part: Samples, rng: np.random.Generator) -> Samples:
    """Return the part as recorded by a microphone some metres away in a room: longer by the room's decay.

    The room's response is the direct sound followed by exponentially decaying noise (reverberation time 0.15 to 0.9 s,
    direct-to-reverberant ratio 15 to -3 dB), through a one-pole low-pass filter that models absorption by air and
    surfaces.
    """
    decay_s = float(rng.uniform(0.15, 0.9))
    length = round(decay_s * SAMPLE_RATE)
    tail = rng.standard_normal(length, dtype=np.float32) * np.exp(
        -6.9 * np.arange(length, dtype=np.float32) / length
    ).astype(np.float32)
    tail = lfilter([1.0], [1.0, -float(rng.uniform(0.2, 0.8))], tail).astype(np.float32)
    tail[: int(rng.integers(EARLY_SAMPLES, 6 * EARLY_SAMPLES))] = 0.0
    ratio = 10 ** (float(rng.uniform(-3.0, 15.0)) / 20)
    response = tail / max(float(np.linalg.norm(tail)) * ratio, 1e-9)
    response[0] = 1.0
    size = next_fast_len(len(part) + length, real=True)
    wet: Samples = irfft(rfft(part, size) * rfft(response, size), size)[: len(part) + length].astype(np.float32)
    return wet


def quantise_to_8_bits(part: Samples, rng: np.random.Generator) -> Samples:
    """Return the part with 8-bit quantisation noise, so that hiss does not become a cue for a class."""
    steps = 127.0 * float(rng.uniform(0.5, 1.0)) / max(float(np.abs(part).max()), 1e-6)
    dithered = part * steps + rng.uniform(-0.5, 0.5, len(part)).astype(np.float32)
    return (np.round(dithered) / steps).astype(np.float32)


def hum(num_samples: int, rng: np.random.Generator) -> Samples:
    """Return mains hum with some harmonics, or a single steady tone; RMS 1."""
    time = np.arange(num_samples, dtype=np.float32) / SAMPLE_RATE
    if rng.random() < 0.3:
        tone = np.sin(2 * np.pi * float(rng.uniform(100, 4000)) * time)
        return (tone * np.sqrt(2.0)).astype(np.float32)
    base = float(rng.choice([50.0, 60.0]))
    waves = np.zeros(num_samples, np.float32)
    for harmonic in range(1, 9):
        phase = float(rng.uniform(0, 6.3))
        waves += float(rng.uniform(0, 1)) / harmonic * np.sin(2 * np.pi * base * harmonic * time + phase)
    return (waves / max(float(waves.std()), 1e-9)).astype(np.float32)


def loop_to_length(part: Samples, num_samples: int, rng: np.random.Generator) -> Samples:
    """Extend a steady sound with random stretches of itself, joined by cross-fades of a tenth of a second or less."""
    fade = min(SAMPLE_RATE // 10, len(part) // 4)
    ramp = np.sin(np.linspace(0, np.pi / 2, fade, dtype=np.float32))
    whole = part.copy()
    while len(whole) < num_samples:
        first = int(rng.integers(0, len(part) // 3 + 1))
        following = part[first:].copy()
        following[:fade] *= ramp
        whole[-fade:] *= ramp[::-1]
        whole[-fade:] += following[:fade]
        whole = np.concatenate([whole, following[fade:]])
    return whole[:num_samples]
