"""How well a checkpoint counts: scenes in which one kind is heard one to five times, equally often."""

from dataclasses import dataclass, replace

import numpy as np

from model.audio.waveform import Waveform
from model.pipeline import Decoding, Pipeline
from training.data.composer import Pool, Scene, SceneConfig, compose
from training.data.instructions import COUNT_INSTRUCTIONS
from training.data.more_words import wording
from training.data.tasks import by_kind
from training.metrics.counting import count_in

COUNTS = (1, 2, 3, 4, 5)
SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Counted:
    """One question: how many there were, and how many the answer says; None where it names no number."""

    count: int
    said: int | None


def counting_scene(pool: Pool, count: int, rng: np.random.Generator) -> tuple[Scene, str]:
    """A scene of 20 s in which a kind is heard `count` times, at least half a second apart, and up to two others are.

    Long recordings are cut, so that five of them find room. Which kind it is comes second.
    """
    config = replace(SceneConfig(), seconds=SECONDS, cut_probability=0.9)
    while True:
        most = count + int(rng.integers(0, 3))
        repeats = 1.0 if most == count else 0.7
        scene = compose(pool, replace(config, min_events=count, max_events=most, repeat_probability=repeats), rng)
        heard = by_kind(scene.events, len(scene.samples))
        kinds = [kind for kind, intervals in heard.items() if len(intervals) == count]
        if kinds:
            return scene, kinds[int(rng.integers(len(kinds)))]


def count_questions(pipeline: Pipeline, pool: Pool, *, each: int, seed: int, decoding: Decoding) -> list[Counted]:
    """`each` scenes of every count, each asked for in one of six wordings; the same seed gives the same ones."""
    told = []
    for number in range(each * len(COUNTS)):
        rng = np.random.default_rng([seed, 9, number])
        count = COUNTS[number % len(COUNTS)]
        scene, kind = counting_scene(pool, count, rng)
        question = str(rng.choice(COUNT_INSTRUCTIONS)).format(query=wording(kind).queries[1])
        recording = pipeline.encode(Waveform(scene.samples))
        told.append(Counted(count, count_in(pipeline.answer(recording, "ask", question, decoding).text)))
    return told


def accuracy(told: list[Counted]) -> float:
    """The share of questions with the right number: 0.2 for who always says the same."""
    return sum(c.count == c.said for c in told) / len(told)
