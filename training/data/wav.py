"""Write generated recordings as 16-bit WAV files."""

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.audio.waveform import SAMPLE_RATE


def write_wav(path: Path, samples: npt.NDArray[np.float32]) -> None:
    """Write float32 [num_samples] at 16 kHz, mono, to `path`, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with wave.open(str(part), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    part.replace(path)
