"""An archive of 1,000 recordings: five short tones behind hard links, and captions of the vocabulary."""

import io
import math
import os
import random
import struct
import wave
from datetime import datetime, timedelta
from pathlib import Path

from tests.unit.archive.conftest import row
from timeaudio.archive.kinds import kinds
from timeaudio.batch.journal import Journal
from timeaudio.batch.parquet import write_parquet

NUM_RECORDINGS = 1000
DURATION_S = 4.0
RATE_HZ = 8000
FIRST = datetime(2026, 6, 1, 5, 0)


def tone(frequency_hz: float) -> bytes:
    """Return a WAV file."""
    file = io.BytesIO()
    samples = (
        round(8000 * math.sin(2 * math.pi * frequency_hz * at / RATE_HZ)) for at in range(int(DURATION_S * RATE_HZ))
    )
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        writer.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return file.getvalue()


def write(folder: Path) -> Path:
    """Write the recordings and `garden.parquet` into a folder. Return the path of the archive.

    Recording 0 has a dog and an owl at known times. Recording 1 is missing, and recording 2 is not an audio file.
    Every tenth recording has no events.
    """
    chosen = random.Random(0)
    captions = [caption for kind in kinds().values() for caption in sorted(kind.phrases)[:3]]
    tones = []
    for number in range(5):
        tones.append(folder / f"tone{number}.wav")
        tones[-1].write_bytes(tone(220 * (number + 1)))
    (folder / "station").mkdir()
    archive = folder / "garden.parquet"
    with Journal(folder / "garden.parquet.jsonl") as journal:
        for number in range(NUM_RECORDINGS):
            path = f"station/{number:04d}.wav"
            spans = []
            for caption in chosen.sample(captions, chosen.randrange(1, 6)):
                start_s = chosen.randrange(25) / 10
                spans.append((start_s, start_s + chosen.randrange(5, 15) / 10, caption, chosen.randrange(100) / 100))
            if number == 0:
                spans = [(0.5, 1.5, "A dog is barking.", 0.9), (2.0, 3.0, "An owl calls softly.", 0.4)]
            elif number % 10 == 0:
                spans = []
            when = (FIRST + timedelta(hours=number)).isoformat()
            journal.write(row(path, when, DURATION_S, *spans))
            if number != 1:
                os.link(tones[number % 5], folder / path)
        (folder / "secret.txt").write_text("secret")
        journal.write(row("secret.txt", None, DURATION_S, (0.0, 1.0, "A whale sings.", 0.5)))
    write_parquet(folder / "garden.parquet.jsonl", archive)
    return archive
