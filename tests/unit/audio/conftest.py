"""Fixtures: real audio files of every kind, encoded during the tests from a synthetic signal."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from tests.sound_files import encode, silent_opus

Samples = npt.NDArray[np.float32]

KINDS = {
    "wav": ("wav", "pcm_s16le", 44_100),
    "wav-24-bit": ("wav", "pcm_s24le", 48_000),
    "wav-8-bit": ("wav", "pcm_u8", 8_000),
    "wav-float": ("wav", "pcm_f32le", 22_050),
    "wav-a-law": ("wav", "pcm_alaw", 8_000),
    "aiff": ("aiff", "pcm_s16be", 44_100),
    "caf": ("caf", "pcm_s16le", 44_100),
    "w64": ("w64", "pcm_s16le", 44_100),
    "flac": ("flac", "flac", 44_100),
    "ogg-vorbis": ("ogg", "vorbis", 44_100),
    "ogg-opus": ("ogg", "libopus", 48_000),
    "webm-opus": ("webm", "libopus", 48_000),
    "mkv-flac": ("matroska", "flac", 44_100),
    "mp3": ("mp3", "libmp3lame", 44_100),
    "m4a-aac": ("ipod", "aac", 44_100),
    "m4a-alac": ("ipod", "alac", 44_100),
}
"""Name -> container, encoder, samples per second."""


def chirp(seconds: float, rate: int, num_channels: int = 1) -> Samples:
    """Return [channels, samples]: a tone and a sweep below 1 kHz. Each channel is 0.2 quieter than the previous one."""
    t = np.arange(round(seconds * rate)) / rate
    mono = 0.3 * np.sin(2 * np.pi * 440 * t) + 0.2 * np.sin(2 * np.pi * (300 * t + 40 * t * t))
    return np.stack([mono * (1 - 0.2 * i) for i in range(num_channels)]).astype(np.float32)


@pytest.fixture(scope="session")
def files() -> dict[str, bytes]:
    """Every kind of file: 3 s of the stereo chirp."""
    return {kind: encode(chirp(3, rate, 2), rate, container, codec) for kind, (container, codec, rate) in KINDS.items()}


@pytest.fixture(scope="session")
def expected_samples() -> Samples:
    """The samples that decoding `files` should give: the mean of both channels at 16 kHz."""
    return chirp(3, 16_000, 2).mean(axis=0)


@pytest.fixture(name="chirp", scope="session")
def chirp_fixture() -> Callable[..., Samples]:
    return chirp


@pytest.fixture(name="encode", scope="session")
def encode_fixture() -> Callable[..., bytes]:
    return encode


@pytest.fixture(name="silent_opus", scope="session")
def silent_opus_fixture() -> Callable[[int], bytes]:
    return silent_opus
