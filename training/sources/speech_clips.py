"""Cut speech into clips of 3 to 15 s, record them as a microphone would, and write them with their words' times."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from model.audio.waveform import SAMPLE_RATE
from training.data.acoustics import Samples
from training.data.composer import Placement, SceneConfig, mix
from training.data.draws import choose
from training.data.manifest import Annotation, Row, SpokenWord
from training.data.vocabulary import vocabulary
from training.data.wav import write_wav
from training.data.word_times import cut_at_pauses

KIND = "speech"
MIN_S, MAX_S = 3.0, 15.0
MARGIN_S = (0.1, 1.0)
"""Silence, or only noise, before and after the speech of a clip."""

SPEECH_S = MAX_S - 2 * MARGIN_S[0]

DRY = SceneConfig(noise_probability=0.0, event_rms_db=(-20.0, -20.0))
RECORDED = SceneConfig(
    event_rms_db=(-34.0, -12.0), noise_probability=0.7, noise_rms_db=(-75.0, -44.0), equaliser_db=6.0,
    room_probability=0.35, eight_bit_probability=0.15, hum_probability=0.1,
)  # fmt: skip
"""Training clips: levels, rooms, converters, noise and hum as in training scenes, with less noise."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """Speech (float32 [num_samples], 16 kHz) with its words, timed from its beginning."""

    samples: Samples
    words: Sequence[SpokenWord]


def cut_speech(samples: Samples, words: Sequence[SpokenWord]) -> Iterator[Spoken]:
    """Yield the speech in pieces that fit a clip. Stretches that are too short are left out."""
    for piece in cut_at_pauses(words, SPEECH_S):
        first, last = round(piece[0].start * SAMPLE_RATE), round(piece[-1].end * SAMPLE_RATE)
        if last - first >= (MIN_S - 2 * MARGIN_S[1]) * SAMPLE_RATE:
            yield Spoken(samples[first:last], [_moved(word, -first / SAMPLE_RATE) for word in piece])


def at_speed(spoken: Spoken, speed: float) -> Spoken:
    """Return the speech as if played at another speed, with another pitch."""
    if speed == 1.0:
        return spoken
    samples = soxr.resample(spoken.samples, SAMPLE_RATE * speed, SAMPLE_RATE).astype(np.float32)
    return Spoken(samples, [SpokenWord(w.text, w.start / speed, w.end / speed) for w in spoken.words])


def record(spoken: Spoken, config: SceneConfig, rng: np.random.Generator) -> tuple[Samples, list[SpokenWord]]:
    """Return a clip of 3 to 15 s as a microphone would record it, and the times of its words."""
    seconds = len(spoken.samples) / SAMPLE_RATE
    before, after = (float(rng.uniform(*MARGIN_S)) for _ in range(2))
    total = min(max(before + seconds + after, MIN_S), MAX_S)
    start = round(min(before, total - seconds) * SAMPLE_RATE)
    placement = Placement(KIND, start, spoken.samples)
    scene = mix([placement], replace(config, seconds=total), rng)
    return scene.samples, [_moved(word, start / SAMPLE_RATE) for word in spoken.words]


def _moved(word: SpokenWord, seconds: float) -> SpokenWord:
    return SpokenWord(word.text, max(0.0, word.start + seconds), word.end + seconds)


class ClipWriter:
    """Writes clips and their manifest lines, except existing ones. `left_out` counts what gave no clip, by reason."""

    def __init__(self, folder: Path, config: SceneConfig, speeds: Sequence[float], seed: int) -> None:
        self._folder, self._config, self._speeds, self._seed = folder, config, speeds, seed
        self.left_out: Counter[str] = Counter()
        (folder / "audio").mkdir(parents=True, exist_ok=True)

    def rows(self, name: str) -> list[Row] | None:
        """Return the rows that an earlier run wrote for a recording, or None."""
        path = self._folder / "audio" / f"{name}.json"
        if not path.is_file():
            return None
        return [_row(fields) for fields in json.loads(path.read_text(encoding="utf-8"))]

    def write(self, name: str, reader: str, pieces: Sequence[Spoken], copies: int) -> list[Row]:
        """Write `copies` clips of each piece of a recording, each recorded differently."""
        lines = []
        for number, (piece, copy) in enumerate((p, c) for p in pieces for c in range(copies)):
            rng = np.random.default_rng([self._seed, number, *name.encode()])
            speed = choose(self._speeds, rng) if copy else 1.0
            if len(piece.samples) / speed > SPEECH_S * SAMPLE_RATE:
                speed = 1.0
            samples, words = record(at_speed(piece, speed), self._config, rng)
            write_wav(self._folder / "audio" / f"{name}-{number}.wav", samples)
            lines.append({
                "name": f"{name}-{number}", "reader": reader, "seconds": round(len(samples) / SAMPLE_RATE, 3),
                "words": [[w.text, round(w.start, 3), round(w.end, 3)] for w in words],
            })  # fmt: skip
        path = self._folder / "audio" / f"{name}.json"
        path.with_suffix(".part").write_text(json.dumps(lines), encoding="utf-8")
        path.with_suffix(".part").replace(path)
        return [_row(fields) for fields in lines]


def _row(fields: dict[str, Any]) -> Row:
    words = tuple(SpokenWord(*word) for word in fields["words"] if word[2] > word[1])
    event = Annotation(((words[0].start, words[-1].end),), vocabulary()[KIND].captions[0], KIND)
    return Row(
        id=fields["name"], audio=f"audio/{fields['name']}.wav", task="dense_caption", duration=fields["seconds"],
        events=(event,), words=words, source=fields["reader"],
    )  # fmt: skip
