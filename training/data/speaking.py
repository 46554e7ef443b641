"""Text to speech, by whatever of four voices is installed, sentence by sentence so that times are exact.

The paper speaks with F5-TTS. `espeak-ng` and `flite` are programs of most Linux distributions; they sound like
machines, which does for timing. `tones` needs nothing and is no speech: each letter is a chord, so that a test of the
machinery has something to hear.
"""

import importlib.util
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from model.audio.decode import decode_audio
from model.audio.waveform import SAMPLE_RATE
from training.data.instructions import pick
from training.data.manifest import Span
from training.data.recordings import DataError, active_region

Samples = npt.NDArray[np.float32]
Engine = Literal["f5-tts", "espeak-ng", "flite", "tones"]
ENGINES: tuple[Engine, ...] = ("f5-tts", "espeak-ng", "flite", "tones")
"""Best first."""

PAUSE_S = 0.2
PEAK = 0.7
MOST_SECONDS = 120.0
FLITE_VOICES = ("slt", "rms", "awb", "kal16")
ESPEAK_VOICES = ("en-us", "en-gb", "en-us+f2", "en-gb-scotland+m3", "en-us+m7", "en-gb+f4")


def available() -> list[Engine]:
    """The engines that can speak here, best first."""
    there = {
        "f5-tts": importlib.util.find_spec("f5_tts") is not None,
        "espeak-ng": shutil.which("espeak-ng") is not None,
        "flite": shutil.which("flite") is not None,
        "tones": True,
    }
    return [engine for engine in ENGINES if there[engine]]


def speaker(
    engine: Engine, *, reference: Path | None = None, reference_text: str = ""
) -> Callable[[str, str], Samples]:
    """A function from a sentence and a key to its samples; the key chooses the voice.

    F5-TTS imitates `reference`, a recording of `reference_text`.

    Raises:
        DataError: the engine is not installed, or lacks its reference.
    """
    if engine not in available():
        raise DataError(f"{engine} is not installed. Available here: {', '.join(available())}.")
    if engine == "f5-tts":
        return _f5(reference, reference_text)
    return {"espeak-ng": _espeak, "flite": _flite, "tones": _tones}[engine]


def speak(sentences: Sequence[str], key: str, say: Callable[[str, str], Samples]) -> tuple[Samples, list[Span]]:
    """All sentences one after the other, with pauses between, and from when to when each is said, in seconds.

    Times are counted in samples, so they are exact. All are said in one voice, each without the silence around it.
    """
    pause = np.zeros(round(PAUSE_S * SAMPLE_RATE), dtype=np.float32)
    parts: list[Samples] = []
    spans: list[Span] = []
    position = 0
    for sentence in sentences:
        said = say(sentence, key)
        if not len(said) or not float(np.abs(said).max()):
            raise DataError(f"Nothing was said for {sentence[:60]!r}.")
        first, last = active_region(said)
        said = said[first:last] * np.float32(PEAK / float(np.abs(said).max()))
        spans.append((position / SAMPLE_RATE, (position + len(said)) / SAMPLE_RATE))
        parts += [said, pause]
        position += len(said) + len(pause)
    return np.concatenate(parts[:-1]), spans


def _espeak(text: str, key: str) -> Samples:
    return _heard(["espeak-ng", "-v", pick(ESPEAK_VOICES, "voice", key), "--stdout", "--stdin"], text)


def _flite(text: str, key: str) -> Samples:
    with tempfile.TemporaryDirectory() as folder:
        words, sound = Path(folder, "words.txt"), Path(folder, "said.wav")
        words.write_text(text + "\n", encoding="utf-8")
        _run(["flite", "-voice", pick(FLITE_VOICES, "voice", key), "-f", str(words), "-o", str(sound)], "")
        return decode_audio(sound.read_bytes(), max_seconds=600.0).samples


def _heard(command: list[str], text: str) -> Samples:
    data = bytearray(_run(command, text))
    # A program that writes to a pipe cannot go back to fill in how long it was: the header says 2 GB.
    data[4:8] = (len(data) - 8).to_bytes(4, "little")
    at = data.index(b"data") + 4
    data[at : at + 4] = (len(data) - at - 4).to_bytes(4, "little")
    return decode_audio(bytes(data), max_seconds=600.0).samples


def _run(command: list[str], text: str) -> bytes:
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    if done.returncode:
        raise DataError(f"{command[0]} failed: {done.stderr.decode(errors='replace').strip()[:200]}")
    return done.stdout


def _f5(reference: Path | None, reference_text: str) -> Callable[[str, str], Samples]:
    if reference is None:
        raise DataError("F5-TTS imitates a voice: give a recording with --voice, and what it says with --voice-text.")
    from f5_tts.api import F5TTS

    model = F5TTS()

    def say(text: str, key: str) -> Samples:
        import soxr

        samples, rate, _ = model.infer(str(reference), reference_text, text)
        return soxr.resample(np.asarray(samples, dtype=np.float32), rate, SAMPLE_RATE)

    return say


def _tones(text: str, key: str) -> Samples:
    """60 ms per letter, the letter's chord; a rest per space."""
    time = np.arange(SAMPLE_RATE * 60 // 1000) / SAMPLE_RATE
    envelope = np.hanning(len(time))
    pitch = 110.0 * pick((1.0, 1.2, 1.5), "voice", key)
    parts = []
    for letter in text.lower():
        rank = ord(letter) - ord("a") if "a" <= letter <= "z" else -1
        formants = (pitch, 300.0 + 40.0 * (rank % 7), 900.0 + 130.0 * (rank % 11))
        wave = sum(np.sin(2 * np.pi * hz * time) for hz in formants) if rank >= 0 else np.zeros_like(time)
        parts.append(envelope * wave / 3)
    return np.concatenate(parts or [np.zeros(0)]).astype(np.float32)
