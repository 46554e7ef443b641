"""Scenes composed from labelled recordings: all of their tasks, with times that are exact by construction.

Every kind of sound that has words (`training.data.words`) can be asked for; counting, duration and order questions
come from the same events. Source: the recipe of AudioTime (Xie et al. 2025).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.audio.waveform import SAMPLE_RATE
from training.data.answers import Writing
from training.data.composer import PlacedEvent, Pool, Scene, SceneConfig, compose
from training.data.instructions import COUNT_INSTRUCTIONS, DURATION_INSTRUCTIONS, ORDER_INSTRUCTIONS, pick
from training.data.manifest import Row, Span, Told
from training.data.more_words import wording
from training.data.questions import count_answer, duration_answer
from training.data.spelling import to_interval
from training.data.tasks import draw_query
from training.data.wav import write_wav
from training.data.words import WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposedConfig:
    """How many scenes and of which kind; the same seed gives the same ones."""

    name: str
    count: int
    scene: SceneConfig
    seed: int = 0
    questions: bool = True
    """Whether counting, duration and order are asked for too."""


def compose_rows(pool: Pool, folder: Path, config: ComposedConfig) -> Iterator[Row]:
    """For each scene, written to `folder`: dense captions, a query that is there, one that is not, and questions."""
    for index in range(config.count):
        rng = np.random.default_rng([config.seed, index])
        scene = compose(pool, config.scene, rng)
        name = f"{config.name}-{index:05d}"
        path = folder / f"{name}.wav"
        write_wav(path, scene.samples)
        yield from rows_of_scene(scene, name, str(path.resolve()), rng, questions=config.questions)


def rows_of_scene(
    scene: Scene, name: str, audio: str, rng: np.random.Generator, *, questions: bool = True
) -> Iterator[Row]:
    """What can be asked about one scene. Kinds without words are in no answer."""
    found = spans_by_kind(scene.events)
    duration = round(len(scene.samples) / SAMPLE_RATE, 3)
    events = tuple(Told(spans, str(rng.choice(WORDS[kind].captions)), kind) for kind, spans in found.items())
    yield Row(
        id=f"{name}-dense", audio=audio, task="dense_caption", duration=duration, events=events, source="composed"
    )
    absent = [kind for kind in WORDS if kind not in found]
    for part, kinds in (("present", list(found)), ("absent", absent)):
        if kinds:
            kind = kinds[int(rng.integers(len(kinds)))]
            told = (Told(found[kind], label=kind),) if kind in found else ()
            yield Row(
                id=f"{name}-{part}", audio=audio, task="ground", duration=duration, events=told,
                query=draw_query(kind, rng), source="composed",
            )  # fmt: skip
    if questions and found:
        named = {wording(kind).queries[1]: spans for kind, spans in found.items()}
        yield from question_rows(named, name, audio, duration)


def question_rows(
    found: dict[str, tuple[Span, ...]], name: str, audio: str, duration: float, source: str = "composed"
) -> Iterator[Row]:
    """A counting question, a duration question, and, where two things begin apart, an order question.

    `found` has the spans of each, by what it is called in a question.
    """
    thing = pick(list(found), "asked", name)
    spans = found[thing]
    places = iter(range(len(spans)))
    intervals = [to_interval(span, duration) for span in spans]
    holes = Writing(interval=lambda _: f"{{{next(places)}}}")
    asked: list[tuple[str, str, str, tuple[float | Span, ...]]] = [
        ("count", pick(COUNT_INSTRUCTIONS, name).format(query=thing), count_answer(intervals, holes), spans),
    ]
    places = iter(range(len(spans)))
    question = pick(DURATION_INSTRUCTIONS, name).format(query=thing)
    asked.append(("duration", question, duration_answer(intervals, holes), spans))
    order = sorted(found, key=lambda k: found[k][0])
    if len(order) > 1 and found[order[1]][0][0] - found[order[0]][0][0] >= 0.5:
        first, second = order[:2]
        pair = pick([(first, second), (second, first)], "pair", name)
        question = pick(ORDER_INSTRUCTIONS, name).format(query=pair[0], other=pair[1])
        starts = (found[order[0]][0][0], found[order[1]][0][0])
        asked.append(("order", question, f"First {first} at {{0}}, then {second} at {{1}} seconds.", starts))
    for what, question, answer, times in asked:
        yield Row(
            id=f"{name}-{what}", audio=audio, task="ask", duration=duration, question=question, answer=answer,
            times=times, source=source,
        )  # fmt: skip


def spans_by_kind(events: Sequence[PlacedEvent]) -> dict[str, tuple[Span, ...]]:
    """The spans, in seconds, of each kind that has words; kinds by first start."""
    found: dict[str, list[Span]] = {}
    for event in sorted(events, key=lambda e: (e.start, e.end)):
        if event.kind in WORDS:
            span = (round(event.start / SAMPLE_RATE, 3), round(event.end / SAMPLE_RATE, 3))
            found.setdefault(event.kind, []).append(span)
    return {kind: tuple(spans) for kind, spans in found.items()}
