"""The recordings that the benchmarks send: 16-bit mono WAV files at 16 kHz."""

import io
import wave
from pathlib import Path

import numpy as np

from model.audio.decode import decode_audio
from model.audio.waveform import SAMPLE_RATE

RECORDINGS = sorted((Path(__file__).parents[1] / "server" / "recordings").glob("*.flac"))


def pcm(samples: np.ndarray) -> np.ndarray:
    """Return samples between -1 and 1 as 16-bit integers."""
    return (samples.clip(-1, 1) * 32767).astype("<i2")


def wav(samples: np.ndarray) -> bytes:
    """Return 16-bit integers as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(SAMPLE_RATE)
        writer.writeframes(samples)
    return file.getvalue()


def bundled() -> list[np.ndarray]:
    """Return the samples of the bundled recordings, float32 [num_samples] each."""
    return [decode_audio(path.read_bytes(), max_seconds=60.0).samples for path in RECORDINGS]


def repeated(seconds: float) -> bytes:
    """Return the bundled recordings, repeated up to the given length."""
    return looped(bundled(), seconds)


def looped(parts: list[np.ndarray], seconds: float) -> bytes:
    """Return parts between -1 and 1, one after another and again, as a WAV file of the given length."""
    return wav(np.resize(pcm(np.concatenate(parts)), round(seconds * SAMPLE_RATE)))


def tone(seconds: float) -> bytes:
    """Return a tone."""
    return wav(pcm(0.25 * np.sin(0.17 * np.arange(round(seconds * SAMPLE_RATE)))))


def scenes(count: int, seconds: float) -> list[np.ndarray]:
    """Return `count` different scenes of one length: two to four pieces of the bundled recordings, over noise."""
    sounds = bundled()
    rng = np.random.default_rng(0)
    made = []
    for _ in range(count):
        scene = rng.normal(0, 0.002, round(seconds * SAMPLE_RATE))
        for _ in range(rng.integers(2, 5)):
            sound = sounds[rng.integers(len(sounds))][: int(SAMPLE_RATE * rng.uniform(1.0, 4.0))]
            start = int(rng.integers(0, max(1, len(scene) - len(sound))))
            part = sound[: len(scene) - start]
            scene[start : start + len(part)] += part * rng.uniform(0.2, 1.0)
        made.append(scene)
    return made


def clips(count: int, seconds: float) -> list[bytes]:
    """Return scenes as WAV files."""
    return [wav(pcm(scene)) for scene in scenes(count, seconds)]
