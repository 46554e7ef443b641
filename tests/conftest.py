"""Setup for all tests: tensor shape checks in `model`, and fixtures that generate sounds."""

import io
import os
import signal
import wave
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

# By default, MKL rounds Fourier transforms differently on Intel processors than on others (2.6e-5 in a log-mel; parity
# tests allow 1e-6). This setting gives the same rounding everywhere. It must be set before MKL's first call. Processes
# that tests start inherit it.
os.environ.setdefault("MKL_CBWR", "COMPATIBLE")

# Check every `Float[Tensor, "batch frames dim"]` annotation in `model`, but only during tests.
TENSOR_MODULES = ("audio", "encoders", "connector", "language", "engine", "checkpoint", "pipeline", "timeaudio")
install_import_hook([f"model.{name}" for name in TENSOR_MODULES], "beartype.beartype")

# Use the same cases on every machine and in every run, without deadlines that a busy machine could miss.
settings.register_profile("timeaudio", deadline=None, derandomize=True)
settings.load_profile("timeaudio")

# Background jobs of a shell ignore SIGINT, and child processes inherit that. Tests that send SIGINT need the default.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

SAMPLE_RATE = 16_000
Samples = npt.NDArray[np.float32]


def sine(seconds: float, *, hz: float = 440.0, rate: int = SAMPLE_RATE, level: float = 0.5) -> Samples:
    """A mono sine of `seconds`, float32 in -1..1."""
    time = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def wav_bytes(samples: Samples, *, rate: int = SAMPLE_RATE) -> bytes:
    """A 16-bit WAV file; `samples` is [num_samples] or [num_samples, channels]."""
    pcm = np.round(np.clip(samples, -1, 1) * 32767).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1 if pcm.ndim == 1 else pcm.shape[1])
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(pcm.tobytes())
    return file.getvalue()


@pytest.fixture(scope="session")
def tone() -> Callable[..., Samples]:
    """`tone(seconds, hz=440, rate=16000, level=0.5)`: samples of a sine."""
    return sine


@pytest.fixture(scope="session")
def tone_wav() -> Callable[..., bytes]:
    """`tone_wav(seconds, hz=440, rate=16000, level=0.5)`: the same sine as a WAV file."""

    def make(seconds: float, *, rate: int = SAMPLE_RATE, **shape: float) -> bytes:
        return wav_bytes(sine(seconds, rate=rate, **shape), rate=rate)

    return make
