"""Compose recordings of several sections of speech with their timeline: `timeaudio data sections`.

A section is one reader: one to three spoken clips (`timeaudio data spoken --plain`) in a row, with short pauses. Longer
pauses separate the sections. The reference caption of a section is its beginning, at most `LEAD_WORDS` words, like a
lead sentence.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import track

from model.audio.decode import decode_audio
from model.audio.waveform import SAMPLE_RATE
from model.timeline.sections import FOREIGN
from model.timeline.words import OTHER_LANGUAGE
from training.data.acoustics import Samples
from training.data.manifest import Annotation, Row, SpokenWord, write_manifest
from training.data.recordings import DataError, active_region
from training.data.validate import read_manifest
from training.data.wav import write_wav

MANIFEST = "sections.jsonl"
LEAD_WORDS = 15
MOST_CLIPS = 3
PAUSE_S = (0.15, 0.5)
"""Between the clips of a section."""
GAP_S = (0.7, 1.6)
"""Between sections."""
PEAK = 0.5


class _Clip(NamedTuple):
    row: Row
    folder: Path

    def samples(self) -> Samples:
        """Return what is said, without the silence around it."""
        found = decode_audio(self.row.path(self.folder).read_bytes(), max_seconds=60.0).samples
        first, last = active_region(found)
        return found[first:last] * np.float32(PEAK / max(float(np.abs(found).max()), 1e-6))


def run(arguments: argparse.Namespace) -> int:
    """Write the recordings and the manifest."""
    readers: dict[str, list[_Clip]] = defaultdict(list)
    for manifest in arguments.clips:
        for row in read_manifest(manifest):
            if row.words:
                readers[row.source].append(_Clip(row, manifest.parent))
    if len(readers) < 2:
        raise DataError("Sections need clips of at least two readers: `timeaudio data spoken --plain` writes them.")
    (arguments.out / "audio").mkdir(parents=True, exist_ok=True)
    names = sorted(readers)
    rows = []
    for number in track(range(arguments.count), description="recordings", console=Console(stderr=True)):
        rng = np.random.default_rng([arguments.seed, number])
        in_turn = [readers[names[n]] for n in rng.permutation(len(names))]
        samples, events, words = _compose(in_turn, arguments.seconds, rng)
        name = f"audio/{number:04d}.wav"
        write_wav(arguments.out / name, samples)
        rows.append(Row(
            id=f"sections-{number:04d}", audio=name, task="summarize", events=tuple(events), source="sections",
            words=tuple(words), duration=round(len(samples) / SAMPLE_RATE, 3),
        ))  # fmt: skip
    write_manifest(arguments.out / MANIFEST, rows)
    print(f"{arguments.out / MANIFEST}: {len(rows)} recordings, {sum(len(row.events) for row in rows)} sections.")
    return 0


def _compose(
    readers: Sequence[Sequence[_Clip]], seconds: tuple[float, float], rng: np.random.Generator
) -> tuple[Samples, list[Annotation], list[SpokenWord]]:
    """Return a recording, its sections and its words. Its length is between `seconds`, unless the readers run out."""
    longest = float(rng.uniform(*seconds))
    parts: list[Samples] = [_silence(GAP_S, rng)]
    events: list[Annotation] = []
    words: list[SpokenWord] = []
    for clips in readers:
        first = int(rng.integers(max(1, len(clips) - MOST_CLIPS + 1)))
        chosen = clips[first : first + int(rng.integers(1, MOST_CLIPS + 1))]
        said = [clip.samples() for clip in chosen]
        if (_length(parts) + _length(said)) / SAMPLE_RATE > longest and events:
            break
        start = _length(parts) / SAMPLE_RATE
        num_before = len(words)
        for place, (clip, each) in enumerate(zip(chosen, said, strict=True)):
            parts += [_silence(PAUSE_S, rng)] if place else []
            words += _moved(clip.row.words, _length(parts) / SAMPLE_RATE)
            parts.append(each)
        lead = " ".join(word.text for word in words[num_before : num_before + LEAD_WORDS])
        if OTHER_LANGUAGE in lead:
            lead = FOREIGN
        events.append(Annotation(((round(start, 3), round(_length(parts) / SAMPLE_RATE, 3)),), lead))
        parts.append(_silence(GAP_S, rng))
    return np.concatenate(parts), events, words


def _moved(words: Sequence[SpokenWord], start: float) -> list[SpokenWord]:
    """Shift words so that the first one is spoken at `start` seconds."""
    later = start - words[0].start
    return [SpokenWord(word.text, round(word.start + later, 3), round(word.end + later, 3)) for word in words]


def _silence(seconds: tuple[float, float], rng: np.random.Generator) -> Samples:
    return np.zeros(round(float(rng.uniform(*seconds)) * SAMPLE_RATE), dtype=np.float32)


def _length(parts: Sequence[Samples]) -> int:
    return sum(map(len, parts))
