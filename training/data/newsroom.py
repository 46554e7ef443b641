"""Spoken bulletins, put together from a bank of sentences."""

from dataclasses import dataclass

import numpy as np
import soxr

from model.audio.waveform import SAMPLE_RATE
from training.data.answers import SECTION
from training.data.bank import Bank, Sentence, draw_voice
from training.data.bulletins import SUMMARIES, written
from training.data.composer import PlacedEvent
from training.data.recordings import DataError
from training.data.speaking import Samples

PAUSE_S = (0.15, 0.5)
LONG_LEAD_IN_S, LONG_LEAD_IN_SHARE = 2.0, 0.25


@dataclass(frozen=True, slots=True)
class Section:
    """From a headline's first sample to its last filler's last, and what the headline tells."""

    start: int
    end: int
    who: str
    did: str
    where: str

    def summary(self, wording: int = 0) -> str:
        """In one sentence."""
        return written(SUMMARIES[wording], self.who, self.did, self.where)


@dataclass(frozen=True, slots=True)
class Bulletin:
    """Speech of one voice (float32 [num_samples], 16 kHz), its sections, and these and their phrases by start."""

    voice: str
    samples: Samples
    sections: tuple[Section, ...]
    events: tuple[PlacedEvent, ...]


def draw_bulletin(
    bank: Bank, rng: np.random.Generator, seconds: float, *, speeds: tuple[float, float] = (1.0, 1.0)
) -> Bulletin:
    """Sections of one voice, one after the other, as many as `seconds` hold whole; silence before, between and after.

    It has exactly `round(seconds * 16000)` samples, and every engine reads equally often. `speeds` are the slowest and
    the fastest of a record player. A pure function of the bank and of `rng`.

    Raises:
        DataError: `seconds` does not hold one headline, or the bank has too few headlines to fill them.
    """
    speed = float(rng.uniform(*speeds)) if speeds != (1.0, 1.0) else 1.0
    num_samples = round(seconds * SAMPLE_RATE)
    room = round(num_samples * speed)
    voice = draw_voice(bank, rng)
    placed = _plan(bank, voice, room, rng)
    samples = np.zeros(room, dtype=np.float32)
    sections: list[Section] = []
    events: list[PlacedEvent] = []

    def at(sample: int) -> int:
        return min(round(sample / speed), num_samples)

    for section in placed:
        for start, sentence in section:
            samples[start : start + sentence.end - sentence.start] = bank.heard(sentence)
        (first, headline), (last, closing) = section[0], section[-1]
        whole = PlacedEvent(SECTION, at(first), at(last + closing.end - closing.start))
        sections.append(Section(whole.start, whole.end, **headline.facts))
        events.append(whole)
        for key, (start, end) in headline.spans.items():
            events.append(PlacedEvent(f"{key}:{headline.facts[key]}", at(first + start), at(first + end)))
    if speed != 1.0:
        played = soxr.resample(samples, SAMPLE_RATE * speed, SAMPLE_RATE)[:num_samples]
        samples = np.pad(played, (0, num_samples - len(played))).astype(np.float32)
    return Bulletin(voice, samples, tuple(sections), tuple(sorted(events, key=lambda e: (e.start, -e.end))))


def _plan(bank: Bank, voice: str, room: int, rng: np.random.Generator) -> list[list[tuple[int, Sentence]]]:
    """Which sentence begins at which sample, by section; all end before `room`."""

    def pause() -> int:
        return round(float(rng.uniform(*PAUSE_S)) * SAMPLE_RATE)

    headlines, fillers = bank.headlines[voice], bank.fillers[voice]
    shortest = min((sentence.end - sentence.start for sentence in headlines), default=0)
    if headlines and room < shortest:
        raise DataError(f"{room / SAMPLE_RATE:.1f} s hold no headline: draw a longer bulletin.")
    lead_in = LONG_LEAD_IN_S if rng.random() < LONG_LEAD_IN_SHARE else PAUSE_S[1]
    position = min(round(float(rng.uniform(0, lead_in)) * SAMPLE_RATE), room - shortest)
    sections: list[list[tuple[int, Sentence]]] = []
    for place in rng.permutation(len(headlines)):
        headline = headlines[place]
        if position + headline.end - headline.start > room:
            if sections:
                break
            continue
        section, position = [(position, headline)], position + headline.end - headline.start + pause()
        for other in rng.permutation(len(fillers))[: int(rng.integers(1, 4))]:
            filler = fillers[other]
            if position + filler.end - filler.start > room:
                break
            section.append((position, filler))
            position += filler.end - filler.start + pause()
        sections.append(section)
    else:
        raise DataError(f"{len(headlines)} headlines of {voice} are too few for {room / SAMPLE_RATE:.0f} s.")
    return sections
