"""Write questions and answers about composed scenes, as a manifest of all tasks but summaries: `timeaudio data tasks`.

Each scene gets dense captions, queries for present and absent kinds (in any of their wordings) and groups of kinds, and
questions about number, duration, order, a moment or presence; occasionally one that is not about the sound.
Sounds of unknown kinds get a caption that says so.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from model.audio.waveform import SAMPLE_RATE
from model.language.prompt import QUESTIONS
from training.data.answers import NO_EVENTS, NUMBERS
from training.data.composer import PlacedEvent, Pool, SceneConfig, compose
from training.data.instructions import (
    AT_INSTRUCTIONS,
    COUNT_INSTRUCTIONS,
    DENSE_CAPTION_INSTRUCTIONS,
    DURATION_INSTRUCTIONS,
    ORDER_INSTRUCTIONS,
)
from training.data.manifest import Annotation, Row, Span, write_manifest
from training.data.vocabulary import (
    UNKNOWN,
    off_topic,
    unknown_captions,
    vocabulary,
    yes_no_questions,
)
from training.data.wav import write_wav
from training.sources.queries import KindSpans, choose, queries, vary_case
from training.sources.scenes import read_scenes

PLAINEST_SHARE = 0.85
"""Probability of a kind's plainest caption: a model cannot hear which of several equivalent captions was chosen."""

ORDER_GAP_S = 0.5

NOT_HEARD = "No, that is not heard."


Question = tuple[str, str, Sequence[Span | float]]
"""A question, its answer with placeholders, and the answer's times."""


def compose_rows(pool: Pool, folder: Path, name: str, config: SceneConfig, *, count: int, seed: int) -> Iterator[Row]:
    """Write scenes of one config to `folder` and yield all rows about them. The same seed gives the same scenes."""
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        scene = compose(pool, config, rng)
        path = folder / f"{name}-{index:05d}.wav"
        write_wav(path, scene.samples)
        yield from rows_of_scene(scene.events, len(scene.samples), path.stem, str(path.resolve()), rng)


def rows_of_scene(
    events: Sequence[PlacedEvent],
    num_samples: int,
    name: str,
    audio: str,
    rng: np.random.Generator,
    num_queries: int = 4,
) -> Iterator[Row]:
    """Yield all rows about one scene; dense captions twice, first with the server's question.

    Each interval is a separate event, in order of time. Otherwise the model would have to list all intervals of a sound
    before it names the sound.
    """
    duration = round(num_samples / SAMPLE_RATE, 3)
    found = spans_by_kind(events)

    def row(what: str, **fields: object) -> Row:
        return Row(id=f"{name}-{what}", audio=audio, duration=duration, source="composed", **fields)  # type: ignore[arg-type]

    in_time = sorted((span, kind) for kind, spans in found.items() for span in spans)
    wordings = (QUESTIONS["dense_caption"], choose(DENSE_CAPTION_INSTRUCTIONS, rng))
    for what, question in zip(("dense", "captions"), wordings, strict=True):
        captions = {kind: draw_caption(kind, rng) for kind in found}
        annotations = tuple(Annotation((span,), captions[kind], kind) for span, kind in in_time)
        yield row(what, task="dense_caption", question=question, events=annotations)
    for number, (query, spans) in enumerate(queries(found, rng, num_queries)):
        annotations = (Annotation(tuple(spans)),) if spans else ()
        yield row(f"query{number}", task="ground", query=query, events=annotations)
    for number, (question, answer, times) in enumerate(questions(found, duration, rng)):
        yield row(f"ask{number}", task="ask", question=question, answer=answer, times=tuple(times))


def spans_by_kind(events: Sequence[PlacedEvent]) -> KindSpans:
    """Return the spans of each kind in seconds, ordered by first start; all unknown kinds become `unknown`."""
    found: KindSpans = {}
    for event in sorted(events, key=lambda e: (e.start, e.end)):
        kind = event.kind.partition(":")[0]
        span = (round(event.start / SAMPLE_RATE, 3), round(event.end / SAMPLE_RATE, 3))
        found.setdefault(kind, []).append(span)
    return found


def draw_caption(kind: str, rng: np.random.Generator) -> str:
    """Draw a caption of a kind, mostly the plainest. Unknown sounds get a caption that says so."""
    captions = unknown_captions() if kind == UNKNOWN else vocabulary()[kind].captions
    return captions[0] if rng.random() < PLAINEST_SHARE else choose(captions, rng)


def questions(found: KindSpans, duration: float, rng: np.random.Generator) -> Iterator[Question]:
    """Yield one question about presence, and one of another type."""
    known = [kind for kind in found if kind != UNKNOWN]
    is_present = bool(known) and rng.random() < 0.5
    kind = choose(known if is_present else [k for k in vocabulary() if k not in found], rng)
    thing = choose(vocabulary()[kind].queries, rng)
    question = choose(yes_no_questions(), rng).format(query=thing)
    if is_present:
        yield vary_case(question, rng), f"Yes, at {_placeholders(found[kind])} seconds.", found[kind]
    else:
        yield vary_case(question, rng), NOT_HEARD, ()
    chance = rng.random()
    if chance < 0.08:
        topics, answer = off_topic()
        yield choose(topics, rng), answer, ()
    elif chance < 0.25 or not known:
        yield _moment_question(found, duration, rng)
    elif chance < 0.65:
        yield _count_question(found, known, rng)
    elif chance < 0.8:
        kind = choose(known, rng)
        total = max(1, round(sum(end - start for start, end in found[kind])))
        question = choose(DURATION_INSTRUCTIONS, rng).format(query=choose(vocabulary()[kind].queries, rng))
        plural = "" if total == 1 else "s"
        yield question, f"{_grounding_sentence(found[kind])}: about {total} second{plural} in total.", found[kind]
    else:
        yield _order_question(found, known, rng) or _count_question(found, known, rng)


def _count_question(found: KindSpans, known: Sequence[str], rng: np.random.Generator) -> Question:
    times = np.array([len(found[kind]) for kind in known], dtype=float)
    kind = str(rng.choice(np.array(known), p=times / times.sum()))
    spans = found[kind]
    number = NUMBERS[len(spans)] if len(spans) < len(NUMBERS) else str(len(spans))
    question = choose(COUNT_INSTRUCTIONS, rng).format(query=choose(vocabulary()[kind].queries, rng))
    return question, f"{_grounding_sentence(spans)}: {number} time{'' if len(spans) == 1 else 's'}.", spans


def _order_question(found: KindSpans, known: Sequence[str], rng: np.random.Generator) -> Question | None:
    """Ask which of two kinds begins first; return None where no two begin at least half a second apart."""
    pairs = [
        (one, other)
        for place, one in enumerate(known)
        for other in known[place + 1 :]
        if found[other][0][0] - found[one][0][0] >= ORDER_GAP_S
    ]
    if not pairs:
        return None
    pair = pairs[int(rng.integers(len(pairs)))]
    names = [choose(vocabulary()[kind].queries, rng) for kind in pair]
    first, second = names if rng.random() < 0.5 else names[::-1]
    question = choose(ORDER_INSTRUCTIONS, rng).format(query=first, other=second)
    starts = [found[kind][0][0] for kind in pair]
    return question, f"First {names[0]} at {{0}}, then {names[1]} at {{1}} seconds.", starts


def _moment_question(found: KindSpans, duration: float, rng: np.random.Generator) -> Question:
    """Ask what is heard at a whole second."""
    starts = [int(span[0]) + 1 for spans in found.values() for span in spans if int(span[0]) + 1 < span[1]]
    second = choose(starts, rng) if starts and rng.random() < 0.7 else int(rng.integers(0, max(1, int(duration))))
    around = [(s, kind) for kind, spans in found.items() for s in spans if s[0] <= second < s[1]]
    captions = " ".join(f"{{{i}}} seconds, {draw_caption(kind, rng)}" for i, (_, kind) in enumerate(sorted(around)))
    question = choose(AT_INSTRUCTIONS, rng).format(time=second)
    return question, captions or NO_EVENTS, [span for span, _ in sorted(around)]


def _grounding_sentence(spans: Sequence[Span]) -> str:
    return f"The given query happens in {_placeholders(spans)} seconds"


def _placeholders(spans: Sequence[Span]) -> str:
    return ", ".join(f"{{{place}}}" for place in range(len(spans)))


def run(arguments: argparse.Namespace) -> int:
    """Write the manifest."""

    def rows() -> Iterator[Row]:
        for number, (audio, num_samples, events) in enumerate(read_scenes(arguments.scenes)):
            rng = np.random.default_rng([arguments.seed, number])
            name = f"{arguments.scenes.parent.name}-{number:06d}"
            yield from rows_of_scene(events, num_samples, name, str(audio.resolve()), rng, arguments.queries)

    print(f"{arguments.out}: {write_manifest(arguments.out, rows())} lines.")
    return 0
