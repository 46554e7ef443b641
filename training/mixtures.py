"""Mix a user's clips into rehearsal scenes, so that new sounds are also learned among known ones."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from model.audio.decode import decode_audio
from model.audio.waveform import SAMPLE_RATE
from model.language.prompt import QUESTIONS
from training.data.acoustics import Samples
from training.data.composer import SceneConfig, at_level
from training.data.draws import choose
from training.data.manifest import Annotation, Row, Span
from training.data.vocabulary import groups, lexicon
from training.data.wav import write_wav
from training.metrics.captions import kind_of
from training.stages import StageConfig

MOST_SAMPLES = 3 * SAMPLE_RATE
"""Longer events are cut, so that several fit into a scene."""
LEAST_SAMPLES = SAMPLE_RATE // 10
TRIES = 20
MOST_KNOWN = 100


def mix_clips(new: Sequence[Row], known: Sequence[Row], folder: Path, config: StageConfig) -> list[Row]:
    """Write `config.mixtures` recordings to `folder` for each clip of `new` with dense captions. Return their rows.

    Each is a scene of `known` with the clip's events at random times and levels. Scenes with one of the clip's kinds
    are not used, because the answers to the clip's queries would miss the scene's events; neither are queries about a
    group of kinds, such as "an animal". The same rows and seed give the same recordings, and existing files are kept.
    """
    if not config.mixtures:
        return []
    scenes, clips = (
        {row.audio: row for row in some if row.task == "dense_caption" and row.events} for some in (known, new)
    )
    of_groups = {query.lower() for group in groups().values() for query in group.queries}
    queries_about: dict[str, list[Row]] = defaultdict(list)
    for row in new:
        if row.task == "ground" and row.events and row.query.lower().rstrip(".") not in of_groups:
            queries_about[row.audio].append(row)
    rows: list[Row] = []
    kinds = {audio: _kinds(scene) for audio, scene in scenes.items()}
    for number, clip in enumerate(clips.values()):
        rng = np.random.default_rng([config.seed, number])
        own = _kinds(clip)
        fitting = [scene for audio, scene in scenes.items() if not own & kinds[audio]]
        for variant in range(config.mixtures if fitting else 0):
            scene = choose(fitting, rng)
            rows += _mix(clip, queries_about[clip.audio], scene, folder / f"{number:03d}-{variant}.wav", rng)
    return rows


def mix_known(known: Sequence[Row], folder: Path, config: StageConfig) -> list[Row]:
    """Mix one event of each of `MOST_KNOWN` scenes into others, as `mix_clips` does with clips. Return the rows.

    Without them, every recording that this module mixes would hold a new sound, and the model would learn to expect it.
    """
    rng = np.random.default_rng(config.seed)
    chosen = set(list(dict.fromkeys(row.audio for row in known))[:MOST_KNOWN])
    single = []
    for row in known:
        if not row.events or row.audio not in chosen:
            continue
        if row.task == "dense_caption":
            alone = [event for event in row.events if not _overlaps_another(event, row.events)]
            if alone:
                single.append(replace(row, events=(choose(alone, rng),)))
        else:
            single.append(row)
    return mix_clips(single, known, folder, config)


def _overlaps_another(event: Annotation, events: Sequence[Annotation]) -> bool:
    """Whether another event sounds during this one: cut out with it, it would have no caption."""
    return any(
        start < other_end and other_start < end
        for other in events
        if other is not event
        for other_start, other_end in other.intervals
        for start, end in event.intervals
    )


def _mix(clip: Row, queries: Sequence[Row], scene: Row, path: Path, rng: np.random.Generator) -> Iterator[Row]:
    """Write one mixture and yield its rows."""
    samples, source = _read(scene).copy(), _read(clip)
    moved: dict[Span, Span] = {}
    for block in _blocks({span for event in clip.events for span in event.intervals}):
        begin = min(start for start, _ in block)
        placed = _place(samples, source, (begin, max(end for _, end in block)), list(moved.values()), rng)
        if placed is None:
            return  # a mixture must have all of the clip's events
        for start, end in block:
            first, last = placed[0] + start - begin, min(placed[1], placed[0] + end - begin)
            if last - first < LEAST_SAMPLES / SAMPLE_RATE:
                return  # what is left of the block does not reach it
            moved[start, end] = round(first, 3), round(last, 3)
    samples *= 0.99 / max(0.99, float(np.abs(samples).max()))
    if not path.is_file():
        write_wav(path, samples)
    own = [Annotation((moved[span],), e.caption, e.label) for e in clip.events for span in e.intervals]
    where = {"audio": str(path.resolve()), "duration": len(samples) / SAMPLE_RATE}
    yield Row(
        id=f"{path.parent.name}-{path.stem}-dense", task="dense_caption", question=QUESTIONS["dense_caption"],
        events=(*scene.events, *own), **where,  # type: ignore[arg-type]
    )  # fmt: skip
    for number, row in enumerate(queries):
        spans = [span for event in row.events for span in event.intervals]
        if all(span in moved for span in spans):
            events = (Annotation(tuple(sorted(moved[span] for span in spans))),)
            yield Row(
                id=f"{path.parent.name}-{path.stem}-query{number}", task="ground", query=row.query,
                question=row.question, events=events, **where,  # type: ignore[arg-type]
            )  # fmt: skip


def _blocks(spans: Iterable[Span]) -> list[list[Span]]:
    """Return the spans in groups that overlap: sounds that overlap in the clip move together."""
    blocks: list[list[Span]] = []
    for span in sorted(spans):
        if blocks and span[0] < max(end for _, end in blocks[-1]):
            blocks[-1].append(span)
        else:
            blocks.append([span])
    return blocks


def _place(
    samples: Samples, source: Samples, span: Span, taken: Sequence[Span], rng: np.random.Generator
) -> Span | None:
    """Add an event of `source` to the scene, away from those placed before. Return its new span, or None."""
    first, last = (round(seconds * SAMPLE_RATE) for seconds in span)
    part = source[first:last][: min(MOST_SAMPLES, len(samples))].copy()
    if len(part) < LEAST_SAMPLES:
        return None
    fade = SAMPLE_RATE // 100
    ramp = np.linspace(0.0, 1.0, fade, dtype=np.float32)
    part[:fade] *= ramp
    part[-fade:] *= ramp[::-1]
    for _ in range(TRIES):
        start = int(rng.integers(0, len(samples) - len(part) + 1))
        placed = (round(start / SAMPLE_RATE, 3), round((start + len(part)) / SAMPLE_RATE, 3))
        if all(placed[1] <= other[0] or other[1] <= placed[0] for other in taken):
            samples[start : start + len(part)] += at_level(part, rng.uniform(*SceneConfig().event_rms_db))
            return placed
    return None


def _kinds(row: Row) -> set[str]:
    """Return the kinds of a row's events: labels, and what their captions name."""
    named = {kind_of(event.caption, lexicon()) for event in row.events}
    return {kind for kind in named | {event.label for event in row.events} if kind}


def _read(row: Row) -> Samples:
    return decode_audio(Path(row.audio).read_bytes(), max_seconds=(row.duration or 0.0) + 1.0).samples
