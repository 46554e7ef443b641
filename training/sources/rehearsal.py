"""Compose the rehearsal set that comes with TimeAudio: `python -m training.sources.rehearsal ESC-50 MORE`.

It has short scenes of every kind of the vocabulary, from two disjoint sets of recordings: one for training and one for
validation, split by the folds of `timeaudio data scenes`. Validation recordings come from the half of the sources that
`timeaudio calibrate` fits on, so that the other half stays unseen. `ATTRIBUTION.csv` lists every recording used.
"""

import argparse
import csv
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import numpy as np

from model.audio.waveform import SAMPLE_RATE
from training.data.acoustics import Samples
from training.data.composer import Pool, SceneConfig, compose
from training.data.manifest import Row, write_manifest
from training.data.pools import Side, active_parts, select_recordings
from training.data.recordings import LabelledRecording
from training.rehearsal import SHIPPED, SHIPPED_VALIDATION
from training.sources.tasks import rows_of_scene

RECORDINGS_PER_KIND = {"train": 3, "validate": 2}
EVENTS_PER_SCENE = 4
SCENES = {
    "train": SceneConfig(seconds=10.0, min_events=4, max_events=4, repeat_probability=0.0, most_event_s=3.0),
    "validate": SceneConfig(seconds=8.0, min_events=4, max_events=4, repeat_probability=0.0, most_event_s=2.5),
}
BIT_RATE = 24_000
COLUMNS = ("category", "license", "author", "title", "url")


def main(argv: Sequence[str] | None = None) -> None:
    """Write both manifests, their scenes and the attribution."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, nargs="+", metavar="DIR", help="folders with clips.csv and audio/")
    parser.add_argument("--out", type=Path, default=SHIPPED.parent)
    arguments = parser.parse_args(argv)
    used: list[tuple[str, Path]] = []
    manifests: dict[Side, str] = {"train": SHIPPED.name, "validate": SHIPPED_VALIDATION.name}
    for side, manifest in manifests.items():
        rows = list(_rows(arguments.recordings, side, arguments.out, used))
        print(f"{manifest}: {write_manifest(arguments.out / manifest, rows)} lines")
    _write_attribution(arguments.out / "ATTRIBUTION.csv", used)


def _rows(directories: Sequence[Path], side: Side, out: Path, used: list[tuple[str, Path]]) -> Iterator[Row]:
    """Write the scenes of one side and yield their rows. Append each scene's recordings to `used`."""
    known, _ = select_recordings(directories, side, half=0 if side == "validate" else None)
    drawn = [(kind, r) for kind, some in known.items() for r in _draw(some, RECORDINGS_PER_KIND[side])]
    rng = np.random.default_rng([2026, len(side)])
    for number, scene_recordings in enumerate(_groups(drawn, rng)):
        pool = Pool({kind: list(active_parts(recording)) for kind, recording in scene_recordings})
        scene = compose(pool, SCENES[side], rng)
        name = f"{side}-{number:02d}"
        audio = f"audio/{name}.ogg"
        _write_opus(out / audio, scene.samples)
        heard = {event.kind for event in scene.events}
        used += [(audio, recording.path) for kind, recording in scene_recordings if kind in heard]
        yield from rows_of_scene(scene.events, len(scene.samples), name, audio, rng, 6 if side == "train" else 4)


def _draw(recordings: Sequence[LabelledRecording], count: int) -> list[LabelledRecording]:
    """Return recordings of different sources, chosen by a hash of their names."""
    order = sorted(recordings, key=lambda r: hashlib.sha256(r.path.name.encode()).digest())
    return list({r.source: r for r in order}.values())[:count]


def _groups(
    drawn: Sequence[tuple[str, LabelledRecording]], rng: np.random.Generator
) -> Iterator[list[tuple[str, LabelledRecording]]]:
    """Deal the recordings out to scenes, each of different kinds, until fewer kinds than a scene needs are left."""
    left = [drawn[place] for place in rng.permutation(len(drawn))]
    while len({kind for kind, _ in left}) >= EVENTS_PER_SCENE:
        group = dict[str, LabelledRecording]()
        for kind, recording in left:
            if len(group) < EVENTS_PER_SCENE:
                group.setdefault(kind, recording)
        left = [(kind, recording) for kind, recording in left if group.get(kind) is not recording]
        yield list(group.items())


def _write_opus(path: Path, samples: Samples) -> None:
    """Write float32 [num_samples] at 16 kHz, mono, as Opus."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=SAMPLE_RATE, layout="mono", bit_rate=BIT_RATE)
        frame = av.AudioFrame.from_ndarray(
            np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16)[None], format="s16", layout="mono"
        )
        frame.sample_rate = SAMPLE_RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _write_attribution(path: Path, used: Sequence[tuple[str, Path]]) -> None:
    """Write one line per recording of each scene, from the `clips.csv` of the recording's folder."""
    tables: dict[Path, dict[str, dict[str, str]]] = {}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["scene", "filename", *COLUMNS])
        for scene, recording in used:
            folder = recording.parents[1]
            if folder not in tables:
                with (folder / "clips.csv").open(newline="", encoding="utf-8") as clips:
                    tables[folder] = {line["filename"]: line for line in csv.DictReader(clips)}
            line = tables[folder][recording.name]
            writer.writerow([scene, recording.name, *(line[column] for column in COLUMNS)])


if __name__ == "__main__":
    main()
