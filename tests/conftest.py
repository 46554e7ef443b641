"""What every test shares: checked tensor shapes in `model`, and sounds made on the spot."""

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

# MKL rounds a Fourier transform otherwise on Intel processors than on others (2.6e-5 in a log-mel, where parity allows
# 1e-6), unless it is asked, before its first call, for the rounding that all share. What tests start inherits it.
os.environ.setdefault("MKL_CBWR", "COMPATIBLE")

# Every `Float[Tensor, "batch frames dim"]` in a signature of `model` is checked while testing; production pays nothing.
TENSOR_MODULES = ("audio", "encoders", "connector", "language", "engine", "checkpoint", "pipeline", "timeaudio")
install_import_hook([f"model.{name}" for name in TENSOR_MODULES], "beartype.beartype")

# The same cases on every machine and run, and none failed for a busy neighbour.
settings.register_profile("timeaudio", deadline=None, derandomize=True)
settings.load_profile("timeaudio")

# A shell lets what it starts in the background ignore SIGINT, and children inherit it: those here are interrupted.
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
    """`tone_wav(seconds, hz=440, rate=16000, level=0.5)`: the same as a WAV file."""

    def make(seconds: float, *, rate: int = SAMPLE_RATE, **shape: float) -> bytes:
        return wav_bytes(sine(seconds, rate=rate, **shape), rate=rate)

    return make
