"""Spoken bulletins: timelines to sum up, and questions about them, with times that are exact by construction."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from model.audio.waveform import SAMPLE_RATE
from training.data.bank import Bank, spoken_bank
from training.data.manifest import Row, Span, Told, write_manifest
from training.data.newsroom import Bulletin, draw_bulletin
from training.data.recordings import DataError
from training.data.speaking import voices_for
from training.data.wav import write_wav
from training.sources.composed import question_rows

SECONDS = (20.0, 150.0)
HEADLINES_PER_VOICE = 40
"""Enough for a bulletin of 150 s."""
SEED = 20_262


def add_options(command: argparse.ArgumentParser) -> None:
    """The options of `timeaudio data bulletins`."""
    command.description = (
        "Bulletins read by synthetic voices, written to DIR with speech.jsonl (timelines) and speech-questions.jsonl."
        " Combinations of facts and voices are those that are never trained on, unless --training."
    )
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    command.add_argument("--count", type=int, default=100, help="bulletins (default: %(default)s)")
    command.add_argument(
        "--seconds", type=float, nargs=2, default=SECONDS, metavar=("LEAST", "MOST"), help="(default: 20 150)"
    )
    command.add_argument("--training", action="store_true", help="combinations and voices for training")
    command.add_argument("--bank", type=Path, metavar="DIR", help="where spoken sentences are kept (default: OUT/bank)")
    command.add_argument("--headlines", type=int, help="to speak for the bank (default: 40 for each voice)")
    command.add_argument("--seed", type=int, default=SEED, help="of the bulletins (default: %(default)s)")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write both manifests and the recordings."""
    out, (least, most) = arguments.out, arguments.seconds
    if arguments.count < 1 or not 0 < least <= most:
        raise DataError("--count is 1 or more, and --seconds the least and the most, as in --seconds 20 150.")
    headlines = arguments.headlines or HEADLINES_PER_VOICE * len(voices_for(held_out=not arguments.training))
    bank = spoken_bank(
        arguments.bank or out / "bank", headlines=headlines, fillers_per_voice=40, held_out=not arguments.training,
        seed=0,
    )  # fmt: skip
    rows = list(bulletin_rows(bank, out / "audio", arguments.count, (least, most), seed=arguments.seed))
    for name, tasks in (("speech", ("summarize",)), ("speech-questions", ("ground", "ask"))):
        count = write_manifest(out / f"{name}.jsonl", [row for row in rows if row.task in tasks])
        print(f"{out / name}.jsonl: {count} lines.")
    return 0


def bulletin_rows(
    bank: Bank, folder: Path, count: int, seconds: Span = SECONDS, *, name: str = "bulletin", seed: int = SEED
) -> Iterator[Row]:
    """For each bulletin, written to `folder`: its timeline, when there is news from a town, and questions.

    Raises:
        DataError: the bank is too small for bulletins of so many seconds, or they are too short for any headline.
    """
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        bulletin = draw_bulletin(bank, rng, round(float(rng.uniform(*seconds)), 1))
        path = folder / f"{name}-{index:04d}.wav"
        write_wav(path, bulletin.samples)
        yield from _rows(bulletin, path, bank, rng)


def _rows(bulletin: Bulletin, path: Path, bank: Bank, rng: np.random.Generator) -> Iterator[Row]:
    name, audio, duration = path.stem, str(path.resolve()), len(bulletin.samples) / SAMPLE_RATE
    source = f"bulletins, {bulletin.voice}"
    spans = [(round(s.start / SAMPLE_RATE, 3), round(s.end / SAMPLE_RATE, 3)) for s in bulletin.sections]
    told = tuple(Told((span,), s.summary()) for span, s in zip(spans, bulletin.sections, strict=True))
    yield Row(id=name, audio=audio, task="summarize", duration=duration, events=told, source=source)
    towns: dict[str, tuple[Span, ...]] = {}
    for span, section in zip(spans, bulletin.sections, strict=True):
        query = f"news from {section.where}"
        towns[query] = (*towns.get(query, ()), span)
    absent = sorted(
        {f"news from {s.facts['where']}" for several in bank.headlines.values() for s in several} - {*towns}
    )
    for part, queries in (("present", list(towns)), ("absent", absent)):
        if queries:
            query = queries[int(rng.integers(len(queries)))]
            events = (Told(towns[query]),) if query in towns else ()
            yield Row(
                id=f"{name}-{part}", audio=audio, task="ground", duration=duration, events=events, query=query,
                source=source,
            )  # fmt: skip
    yield from question_rows({"a news report": tuple(spans)}, f"{name}-all", audio, duration, source)
    yield from question_rows(towns, f"{name}-town", audio, duration, source)
