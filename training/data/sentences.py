"""Read sentences one after the other, and what is being said in each frame of them."""

import numpy as np
import soxr
from jaxtyping import Int

from model.audio.waveform import SAMPLE_RATE
from training.data.bank import Bank, draw_voice
from training.data.bulletins import FACT_NAMES, FACT_PLACES
from training.data.features import FRAME_SAMPLES
from training.data.newsroom import PAUSE_S
from training.data.speaking import Samples

HEADLINE, FILLER, SILENCE = (len(FACT_NAMES) + place for place in range(3))
"""What is said where no fact is told: other words of a headline, those of a filler, none."""
NUM_SAID = len(FACT_NAMES) + 3
HEADLINE_SHARE = 0.75
LATEST_S = 2.5
"""The first sentence began up to so long before."""


def draw_sentences(
    bank: Bank, rng: np.random.Generator, seconds: float, speeds: tuple[float, float]
) -> tuple[Samples, Int[np.ndarray, " frames"]]:
    """One voice's sentences, mostly headlines, that begin and end anywhere, at a speed between `speeds`.

    Returns:
        `round(seconds * 16000)` samples, and what is said in each of their frames of 320: the number of a fact among
        `FACT_NAMES`, or one of those after them.
    """
    voice, speed = draw_voice(bank, rng), float(rng.uniform(*speeds))
    num_samples = round(seconds * SAMPLE_RATE)
    room = round(num_samples * speed)
    samples = np.zeros(room, dtype=np.float32)
    said = np.full(num_samples // FRAME_SAMPLES, SILENCE)

    def say(start: int, end: int, what: int) -> None:
        first, last = (max(0, round(sample / speed / FRAME_SAMPLES)) for sample in (start, end))
        said[first:last] = what

    position = -int(rng.integers(0, round(LATEST_S * SAMPLE_RATE)))
    while position < room:
        sentences = (bank.headlines if rng.random() < HEADLINE_SHARE else bank.fillers)[voice]
        sentence = sentences[int(rng.integers(len(sentences)))]
        heard = bank.heard(sentence)[max(0, -position) : room - position]
        first = max(0, position)
        samples[first : first + len(heard)] = heard
        end = position + sentence.end - sentence.start
        say(position, end, HEADLINE if sentence.facts else FILLER)
        for key, (start, stop) in sentence.spans.items():
            say(position + start, position + stop, FACT_PLACES[f"{key}:{sentence.facts[key]}"])
        position = end + round(float(rng.uniform(*PAUSE_S)) * SAMPLE_RATE)
    if speed != 1.0:
        played = soxr.resample(samples, SAMPLE_RATE * speed, SAMPLE_RATE)[:num_samples]
        samples = np.pad(played, (0, num_samples - len(played))).astype(np.float32)
    return samples, said
