"""Synthesise speech sentence by sentence, so that times are exact, with one of five engines.

The paper uses F5-TTS. Most Linux distributions package `espeak-ng`, `flite` and `festival`; they sound robotic,
which is good enough for timing. `tones` needs no installation and is not speech: it plays a chord for each letter,
for tests of the pipeline.
"""

import importlib.util
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import soxr

from model.audio.decode import decode_audio
from model.audio.waveform import SAMPLE_RATE
from training.data.acoustics import Samples
from training.data.instructions import pick
from training.data.manifest import Span
from training.data.recordings import DataError, active_region
from training.data.voices import ENGINES, VOICES, Engine, Voice

PAUSE_S = 0.2
PEAK = 0.7
MAX_SECONDS = 120.0
ESPEAK_WORDS_PER_MINUTE = 175
"""The engine's own default."""


def available_engines() -> list[Engine]:
    """Return the installed engines, best first."""
    installed = {
        "f5-tts": importlib.util.find_spec("f5_tts") is not None,
        "espeak-ng": shutil.which("espeak-ng") is not None,
        "flite": shutil.which("flite") is not None,
        "festival": shutil.which("text2wave") is not None,
        "tones": True,
    }
    return [engine for engine in ENGINES if installed[engine]]


def make_synthesiser(
    engine: Engine, *, reference: Path | None = None, reference_text: str = ""
) -> Callable[[str, str], Samples]:
    """Return a function from a sentence and a key to samples; the key chooses the voice.

    F5-TTS imitates `reference`, a recording of `reference_text`.

    Raises:
        DataError: the engine, its voices or its reference are missing.
    """
    if engine not in available_engines():
        raise DataError(f"{engine} is not installed. Available here: {', '.join(available_engines())}.")
    if engine == "f5-tts":
        return _f5(reference, reference_text)
    voices = [voice for voice in VOICES if voice.engine == engine and is_installed(voice)]
    if not voices:
        raise DataError(f"{engine} has no voice installed: install one, or choose another engine.")
    return lambda text, key: synthesise(pick(voices, "voice", key), text)


def is_installed(voice: Voice) -> bool:
    """Return whether a voice is installed. Festival's voices are separate packages; other engines include theirs."""
    return voice.engine in available_engines() and (voice.engine != "festival" or voice.name in _festival_voices())


def synthesise(voice: Voice, text: str, speed: float = 1.0) -> Samples:
    """Speak a sentence: float32 [num_samples] at 16 kHz, including any silence that the engine adds.

    `speed` is relative to the voice's own; `tones` ignores it.

    Raises:
        DataError: the engine is missing or fails.
    """
    if voice.engine == "tones":
        return _tones(text, voice.name)
    try:
        return _run_to_file(_command(voice, speed), text)
    except FileNotFoundError as error:
        raise DataError(f"{voice.engine} is not installed ({error.filename}).") from None


def synthesise_sentences(
    sentences: Sequence[str], key: str, synthesiser: Callable[[str, str], Samples]
) -> tuple[Samples, list[Span]]:
    """Speak all sentences with pauses between them. Return the samples, and the span of each sentence in seconds.

    Spans are counted in samples, so they are exact. All sentences have one voice, and silence around each is removed.
    """
    pause = np.zeros(round(PAUSE_S * SAMPLE_RATE), dtype=np.float32)
    parts: list[Samples] = []
    spans: list[Span] = []
    position = 0
    for sentence in sentences:
        speech = trim_silence(synthesiser(sentence, key), sentence)
        spans.append((position / SAMPLE_RATE, (position + len(speech)) / SAMPLE_RATE))
        parts += [speech, pause]
        position += len(speech) + len(pause)
    return np.concatenate(parts[:-1]), spans


def trim_silence(speech: Samples, sentence: str) -> Samples:
    """Remove the silence around a spoken sentence and scale its peak to `PEAK`.

    Raises:
        DataError: the samples are silent.
    """
    peak = float(np.abs(speech).max(initial=0))
    if not peak:
        raise DataError(f"The engine returned silence for {sentence[:60]!r}.")
    first, last = active_region(speech)
    return speech[first:last] * np.float32(PEAK / peak)


def _command(voice: Voice, speed: float) -> list[str]:
    """Return the program that speaks the text file `{words}` and writes the sound file `{sound}`."""
    if voice.engine == "espeak-ng":
        rate = str(round(ESPEAK_WORDS_PER_MINUTE * speed))
        return ["espeak-ng", "-v", voice.name, "-s", rate, "-f", "{words}", "-w", "{sound}"]
    if voice.engine == "flite":
        stretch = ["--setf", f"duration_stretch={1 / speed:.3f}"] if speed != 1 else []
        return ["flite", "-voice", voice.name, *stretch, "-f", "{words}", "-o", "{sound}"]
    slower = f"(Parameter.set 'Duration_Stretch {1 / speed:.3f})" if speed != 1 else ""
    scheme = f"(begin (voice_{voice.name}) {slower})"
    return ["text2wave", "-eval", scheme, "-F", "16000", "-o", "{sound}", "{words}"]


@cache
def _festival_voices() -> tuple[str, ...]:
    return tuple(_run(["festival", "--batch", "(print (voice.list))"]).decode().strip(" ()\n").split())


def _run_to_file(command: list[str], text: str) -> Samples:
    """Run a program that reads a text file and writes a sound file."""
    with tempfile.TemporaryDirectory() as folder:
        words, sound = Path(folder, "words.txt"), Path(folder, "speech.wav")
        words.write_text(text + "\n", encoding="utf-8")
        _run([argument.format(words=words, sound=sound) for argument in command])
        return decode_audio(sound.read_bytes(), max_seconds=600.0).samples


def _run(command: list[str]) -> bytes:
    process = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if process.returncode:
        raise DataError(f"{command[0]} failed: {process.stderr.decode(errors='replace').strip()[:200]}")
    return process.stdout


def _f5(reference: Path | None, reference_text: str) -> Callable[[str, str], Samples]:
    if reference is None:
        raise DataError("F5-TTS imitates a voice: give a recording with --voice, and its text with --voice-text.")
    from f5_tts.api import F5TTS

    model = F5TTS()

    def synthesiser(text: str, key: str) -> Samples:
        samples, rate, _ = model.infer(str(reference), reference_text, text)
        return soxr.resample(np.asarray(samples, dtype=np.float32), rate, SAMPLE_RATE)

    return synthesiser


def _tones(text: str, voice: str) -> Samples:
    """Return 60 ms per character: a chord for a letter, a rest for a space."""
    time = np.arange(SAMPLE_RATE * 60 // 1000) / SAMPLE_RATE
    envelope = np.hanning(len(time))
    pitch = {"low": 110.0, "middle": 132.0, "high": 165.0}[voice]
    parts = []
    for letter in text.lower():
        rank = ord(letter) - ord("a") if "a" <= letter <= "z" else -1
        formants = (pitch, 300.0 + 40.0 * (rank % 7), 900.0 + 130.0 * (rank % 11))
        wave = sum(np.sin(2 * np.pi * hz * time) for hz in formants) if rank >= 0 else np.zeros_like(time)
        parts.append(envelope * wave / 3)
    return np.concatenate(parts or [np.zeros(0)]).astype(np.float32)
