"""Speech as a kind of sound: a man speaking and a woman speaking, synthetic and recorded."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from model.audio.decode import decode_audio
from model.audio.waveform import SAMPLE_RATE
from training.data.bank import Bank
from training.data.recordings import DataError, active_region
from training.data.speaking import PEAK, Samples
from training.data.voices import VOICES

SHORTEST_S = 1.0
LONGEST_S = 6.0
PARTS_PER_VOICE = 12
VALIDATION_CLIPS = 5
"""Every fifth recorded clip is for validation."""
BREAK_S = 0.3


def speech_parts(bank: Bank, folder: Path | None = None) -> dict[str, list[Samples]]:
    """Parts of 1 to 6 s (float32 [num_samples], peak 0.7, no silence around) of `man_speaking` and `woman_speaking`.

    Of each of the bank's voices there are 12, of one sentence or of two: a whole bank would fill the memory. From
    `folder`, recordings beside a `clips.csv` (filename, seconds, text: LJ Speech's, whose reader is a woman; a column
    `sex` of man or woman says otherwise): every fifth goes with banks for validation, the others with the rest.

    Raises:
        DataError: there is no such table, or a recording that it names is missing.
    """
    parts: dict[str, list[Samples]] = {"man_speaking": [], "woman_speaking": []}
    for voice in VOICES:
        if str(voice) in bank.headlines:
            parts[f"{voice.sex}_speaking"] += _synthetic(bank, str(voice))
    if folder is not None:
        for sex, part in _recorded(folder, held_out=bank.held_out):
            parts[f"{sex}_speaking"].append(part)
    return {kind: several for kind, several in parts.items() if several}


def _synthetic(bank: Bank, voice: str) -> list[Samples]:
    """Sentences one by one and in pairs by turns, drawn anew for each voice but always alike."""
    rng = np.random.default_rng(len(bank.samples))
    sentences = bank.headlines[voice] + bank.fillers[voice]
    silence = np.zeros(round(BREAK_S * SAMPLE_RATE), dtype=np.float32)
    parts: list[Samples] = []
    for count, place in enumerate(rng.permutation(len(sentences))):
        part = bank.heard(sentences[place])
        if count % 2:
            part = np.concatenate([part, silence, bank.heard(sentences[int(rng.integers(len(sentences)))])])
        if SHORTEST_S <= len(part) / SAMPLE_RATE <= LONGEST_S:
            parts.append(part)
        if len(parts) == PARTS_PER_VOICE:
            break
    return parts


def _recorded(folder: Path, *, held_out: bool) -> Iterator[tuple[str, Samples]]:
    table = folder / "clips.csv"
    if not table.is_file():
        raise DataError(f"{table} is not there: it lists the recordings of speech (filename,seconds,text).")
    with table.open(newline="", encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["filename"])
    for place, row in enumerate(rows):
        if (place % VALIDATION_CLIPS == VALIDATION_CLIPS - 1) != held_out:
            continue
        path = folder / row["filename"]
        sex = row.get("sex", "woman")
        if not path.is_file() or sex not in ("man", "woman"):
            raise DataError(f"{table}: {row['filename']} ({sex}) is not there, or not of a man or woman.")
        for part in pieces(decode_audio(path.read_bytes(), max_seconds=120.0).samples):
            yield sex, part


def pieces(samples: Samples) -> Iterator[Samples]:
    """A recording in parts of 1 to 6 s, cut where it is quietest; what is left over below 1 s is not returned."""
    most, least, hush = (round(s * SAMPLE_RATE) for s in (LONGEST_S, SHORTEST_S, 0.05))
    while len(samples) >= least:
        first, last = active_region(samples)
        samples = samples[first:last]
        end = len(samples)
        if end > most:
            energy = np.cumsum(np.concatenate([[0.0], samples[:most].astype(np.float64) ** 2]))
            # Between 2 s and 6 s, or as late as leaves 1 s.
            quiet = energy[2 * least + hush :] - energy[2 * least : -hush]
            end = 2 * least + int(np.argmin(quiet[: max(1, len(samples) - 3 * least)])) + hush // 2
        piece = samples[:end]
        peak = float(np.abs(piece).max(initial=0))
        if len(piece) >= least and peak:
            yield piece * np.float32(PEAK / peak)
        samples = samples[end:]
