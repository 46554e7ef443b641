"""Write questions and answers about composed scenes, as a manifest of all tasks but summaries: `timeaudio data tasks`.

Each scene gets dense captions, queries for present and absent kinds (in any of their wordings) and groups of kinds, and
the questions of `training.sources.scene_questions`. Sounds of unknown kinds get a caption that says so.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from model.audio.waveform import SAMPLE_RATE
from model.language.prompt import QUESTIONS
from training.data.composer import PlacedEvent, Pool, SceneConfig, compose
from training.data.draws import choose
from training.data.instructions import DENSE_CAPTION_INSTRUCTIONS
from training.data.manifest import Annotation, Row, write_manifest
from training.data.wav import write_wav
from training.sources.queries import KindSpans, queries
from training.sources.scene_questions import draw_caption, questions
from training.sources.scenes import read_scenes


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


def run(arguments: argparse.Namespace) -> int:
    """Write the manifest."""

    def rows() -> Iterator[Row]:
        for number, (audio, num_samples, events) in enumerate(read_scenes(arguments.scenes)):
            rng = np.random.default_rng([arguments.seed, number])
            name = f"{arguments.scenes.parent.name}-{number:06d}"
            yield from rows_of_scene(events, num_samples, name, str(audio.resolve()), rng, arguments.queries)

    print(f"{arguments.out}: {write_manifest(arguments.out, rows())} lines.")
    return 0
