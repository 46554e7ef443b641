"""Compose scenes from labelled recordings, as sound files and a list of their events: `timeaudio data scenes`.

The list, `scenes.jsonl`, has one line per scene: `{"audio": ..., "samples": ..., "events": [[kind, start, end]]}`, with
times in samples. `timeaudio data tasks` turns it into a manifest of questions and answers. A scene depends only on the
seed and its number, so an interrupted command can resume.
"""

import argparse
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from training.data.composer import PlacedEvent, Pool, Scene, SceneConfig, compose
from training.data.pools import read_pool
from training.data.recordings import DataError, read_recordings
from training.data.vocabulary import kind_of_label
from training.data.wav import write_wav

SCENE_LIST = "scenes.jsonl"
LEAST_S = 1.0
"""The shortest scene."""

TRAINING_SPEEDS = (0.88, 1.0, 1.14)

KIND_EXPONENT = 0.5
"""Training scenes draw a kind with four times the recordings twice as often."""

REALISTIC = SceneConfig(
    event_rms_db=(-40.0, -12.0),
    noise_probability=0.8,
    noise_rms_db=(-75.0, -40.0),
    other_share=0.13,
    equaliser_db=6.0,
    room_probability=0.35,
    eight_bit_probability=0.25,
    hum_probability=0.1,
    loop_probability=0.35,
    most_event_s=6.0,
)
"""Training scenes: rooms, distances, background noise and hum, a 28 dB range of levels, sounds of unknown kinds."""

EVENTS_PER_TEN_SECONDS = 2.4


def vary_events(config: SceneConfig, rng: np.random.Generator) -> SceneConfig:
    """Vary a scene's number of events: sometimes none or one, sometimes one kind many times."""
    chance = rng.random()
    if chance < 0.04:
        return replace(config, min_events=0, max_events=0)
    if chance < 0.2:
        return replace(config, min_events=1, max_events=1)
    if chance < 0.35:
        return replace(config, min_events=3, max_events=6, repeat_probability=0.8, cut_probability=0.9)
    most = max(2, round(config.seconds / 10 * EVENTS_PER_TEN_SECONDS * rng.uniform(0.4, 1.8)))
    return replace(config, max_events=most)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeSettings:
    """The settings of the scenes to compose."""

    folder: Path
    count: int
    seconds: tuple[float, ...]
    seed: int
    realistic: bool


def compose_all(pool: Pool, settings: ComposeSettings, processes: int) -> Path:
    """Write every scene and the list. Return the list's path."""
    (settings.folder / "audio").mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(processes, initializer=_init_worker, initargs=(pool, settings)) as executor:
        lines = executor.map(_compose_one, range(settings.count), chunksize=8)
        shown = track(lines, description="scenes", total=settings.count, console=Console(stderr=True))
        part = settings.folder / f"{SCENE_LIST}.part"
        with part.open("w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in shown)
    part.replace(settings.folder / SCENE_LIST)
    return settings.folder / SCENE_LIST


def check_scene_settings(folder: Path, settings: Mapping[str, object]) -> None:
    """Record the settings of a folder's scenes, because existing scenes are not composed again.

    Raises:
        DataError: the folder holds scenes of other recordings, or with another seed, side or length.
    """
    path, current = folder / "settings.json", json.loads(json.dumps(settings))
    if path.is_file():
        recorded = json.loads(path.read_text(encoding="utf-8"))  # an older version wrote no `half`
        if differ := ", ".join(name for name in current if recorded.get(name) != current[name]):
            raise DataError(
                f"{folder} holds scenes that differ in {differ}: name another folder with --out, or delete it."
            )
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(current, indent=2) + "\n", encoding="utf-8")


def read_scenes(path: Path) -> Iterator[tuple[Path, int, tuple[PlacedEvent, ...]]]:
    """Yield the sound file, the number of samples and the events of each scene of a list."""
    for line in path.read_text(encoding="utf-8").splitlines():
        scene: dict[str, Any] = json.loads(line)
        events = tuple(PlacedEvent(kind, start, end) for kind, start, end in scene["events"])
        yield path.parent / scene["audio"], scene["samples"], events


def draw_scene(pool: Pool, seconds: Sequence[float], seed: int, number: int, *, realistic: bool) -> Scene:
    """Compose scene `number` of a seed; its length is one of `seconds`, in turn."""
    rng = np.random.default_rng([seed, number])
    length = seconds[number % len(seconds)]
    if realistic:
        config = replace(REALISTIC, seconds=length, kind_exponent=KIND_EXPONENT)
        return compose(pool, vary_events(config, rng), rng)
    return compose(pool, replace(SceneConfig(), seconds=length), rng)


_state: tuple[Pool, ComposeSettings] | None = None


def _init_worker(pool: Pool, settings: ComposeSettings) -> None:
    global _state
    _state = pool, settings


def _compose_one(number: int) -> str:
    assert _state is not None
    pool, settings = _state
    scene = draw_scene(pool, settings.seconds, settings.seed, number, realistic=settings.realistic)
    name = f"audio/{number:06d}.wav"
    if not (settings.folder / name).is_file():
        write_wav(settings.folder / name, scene.samples)
    events = [[e.kind, e.start, e.end] for e in scene.events]
    return json.dumps({"audio": name, "samples": len(scene.samples), "events": events})


def _contents(directories: Sequence[Path]) -> str:
    """Return a fingerprint of the recordings and of what their labels mean: scenes are drawn from both."""
    digest = hashlib.sha256()
    for recording in read_recordings(directories):
        stat = recording.path.stat()
        kind = kind_of_label(recording.label)
        digest.update(f"{recording.path.name} {stat.st_size} {recording.fold} {recording.source} {kind}\n".encode())
    return digest.hexdigest()[:16]


def run(arguments: argparse.Namespace) -> int:
    """Compose the scenes."""
    if min(arguments.seconds) < LEAST_S:
        raise DataError(f"--seconds must be at least {LEAST_S:g}.")
    speeds = TRAINING_SPEEDS if arguments.side == "train" else (1.0,)
    pool = read_pool(arguments.recordings, arguments.side, half=arguments.half, speeds=speeds)
    settings = ComposeSettings(
        folder=arguments.out, count=arguments.count, seconds=tuple(arguments.seconds), seed=arguments.seed,
        realistic=not arguments.plain,
    )  # fmt: skip
    check_scene_settings(settings.folder, {
        "recordings": [str(path.resolve()) for path in arguments.recordings],
        "contents": _contents(arguments.recordings), "side": arguments.side,
        "half": arguments.half, "seconds": settings.seconds, "seed": settings.seed, "realistic": settings.realistic,
    })  # fmt: skip
    print(f"{compose_all(pool, settings, os.cpu_count() or 1)}: {arguments.count} scenes.")
    return 0
