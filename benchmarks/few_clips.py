"""Teach a checkpoint a kind of sound that it does not know from a few clips, and measure what it gained and lost.

    python -m benchmarks.few_clips ESC-50 MORE --label gunshot --caption "A gunshot." --out runs/few-clips-benchmark

Two thirds of the label's sources are for training, the others only for measuring. Each of `--clips` recordings of 6 s
has one or two of the label's events over background noise, and three rows: dense captions, a query for the label, and a
query for an absent kind. `timeaudio train` learns from them with the stage `few-clips`.

The same scenes of 10 s measure the checkpoint before and after: half with an unseen clip of the label and two events of
known kinds, half with known kinds only. Their recordings of known kinds are from the half of fold 4 that neither
training nor the rehearsal set has. At-F1 is the F1 of whether the answer names the kind anywhere in the scene; for the
old kinds, it is the mean over the kinds.
"""

import argparse
import hashlib
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from benchmarks.report import write_report
from model.audio.waveform import SAMPLE_RATE, Waveform
from model.pipeline import Pipeline
from training.data.acoustics import Samples
from training.data.composer import Pool, Scene, SceneConfig, compose
from training.data.manifest import Annotation, Row, write_manifest
from training.data.pools import active_parts, read_pool
from training.data.recordings import DataError, LabelledRecording, read_recordings
from training.data.vocabulary import UNKNOWN, kind_of_label, lexicon, vocabulary
from training.data.wav import write_wav
from training.metrics.captions import kind_of
from training.metrics.events import ScoredScene, Sound, clip_counts, clip_macro_f1
from training.metrics.labels import label_of
from training.run_log import read_log
from training.sources.tasks import spans_by_kind
from training.stage_command import KEPT_START, resolve_checkpoint
from training.stage_command import main as train

SEED = 20_262
CLIP = SceneConfig(seconds=6.0, min_events=1, max_events=2, repeat_probability=1.0, most_event_s=3.0)
SCENE = SceneConfig(seconds=10.0, min_events=3, max_events=3, repeat_probability=0.0)


def main() -> int:
    """Compose the clips and the scenes, measure, train, measure again, and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, nargs="+", metavar="DIR", help="folders with clips.csv and audio/")
    parser.add_argument("--label", default="gunshot", help="a label that is none of the vocabulary's kinds")
    parser.add_argument("--caption", default="A gunshot.", help="caption that names the label (default: %(default)s)")
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--scenes", type=int, default=80, help="scenes to measure on (default: %(default)s)")
    parser.add_argument("--from", dest="start", default="timeaudio-small")
    parser.add_argument("--steps", type=int, help="steps of the stage (default: the stage's own)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as in `timeaudio train`")
    parser.add_argument("--out", type=Path, default=Path("runs/few-clips-benchmark"))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if label_of(arguments.caption, [arguments.label]) is None:
        parser.error(f"--caption {arguments.caption!r} does not name {arguments.label}")
    learned, unseen = split_sources(arguments.recordings, arguments.label)
    manifest = write_clips(arguments.out, learned, arguments.label, arguments.caption, arguments.clips)
    scenes = list(compose_scenes(read_pool(arguments.recordings, "validate", half=1), unseen, arguments))
    before = measure(resolve_checkpoint(arguments.start), scenes, arguments.label)
    settings = [f"--set={change}" for change in arguments.set]
    settings += [f"--set=steps={arguments.steps}"] if arguments.steps else []
    began = time.monotonic()
    run = arguments.out / "run"
    status = train(
        ["--data", str(manifest), "--from", arguments.start, "--run", str(run), "--device", "cpu", *settings]
    )
    minutes = (time.monotonic() - began) / 60
    if status not in (0, KEPT_START):
        return status
    after = measure(run / "checkpoint", scenes, arguments.label) if status == 0 else before
    report = {
        "label": arguments.label, "clips": arguments.clips, "scenes": len(scenes), "minutes": round(minutes, 1),
        "steps": sum("loss" in line for line in read_log(run)), "status": status, "before": before, "after": after,
    }  # fmt: skip
    write_report(report, arguments.json)
    is_met = after["new_at_f1"] >= 50 and after["old_at_f1"] >= before["old_at_f1"] - 5
    verdict = "met" if is_met else "not met"
    print(f"The target (At-F1 of the new kind at least 50, of the old ones at most 5 lower than before) is {verdict}.")
    return 0


def split_sources(directories: Sequence[Path], label: str) -> tuple[list[Samples], list[Samples]]:
    """Return the active parts of the label's recordings: of two thirds of its sources, and of the others."""
    if kind_of_label(label) not in (None, UNKNOWN):
        raise DataError(f"{label} is a kind that the vocabulary has: choose another --label.")
    by_source: dict[str, list[LabelledRecording]] = {}
    for recording in read_recordings(directories):
        if recording.label == label:
            by_source.setdefault(recording.source, []).append(recording)
    order = sorted(by_source, key=lambda source: hashlib.sha256(source.encode()).digest())
    if len(order) < 3:
        raise DataError(f"{label} has {len(order)} sources; at least 3 are needed.")
    unseen = order[: len(order) // 3]
    parts = {source: [part for r in by_source[source] for part in active_parts(r)] for source in order}
    return [p for s in order if s not in unseen for p in parts[s]], [p for s in unseen for p in parts[s]]


def write_clips(folder: Path, parts: Sequence[Samples], label: str, caption: str, count: int) -> Path:
    """Write recordings of the label, and their manifest."""
    rows = []
    for number in range(count):
        rng = np.random.default_rng([SEED, number])
        scene = compose(Pool({label: [parts[number % len(parts)]]}), CLIP, rng)
        audio, seconds = f"clips/{number:02d}.wav", len(scene.samples) / SAMPLE_RATE
        write_wav(folder / audio, scene.samples)
        spans = spans_by_kind(scene.events)[label]
        absent = list(vocabulary())[int(rng.integers(len(vocabulary())))]
        about = {"audio": audio, "duration": seconds}
        events = tuple(Annotation((span,), caption, label) for span in spans)
        rows += [
            Row(id=f"dense-{number}", task="dense_caption", events=events, **about),
            Row(
                id=f"query-{number}",
                task="ground",
                query=caption.rstrip("."),
                events=(Annotation(tuple(spans)),),
                **about,
            ),
            Row(id=f"absent-{number}", task="ground", query=vocabulary()[absent].queries[0], **about),
        ]
    write_manifest(folder / "clips.jsonl", rows)
    return folder / "clips.jsonl"


def compose_scenes(known: Pool, unseen: Sequence[Samples], arguments: argparse.Namespace) -> Iterator[Scene]:
    """Yield the scenes to measure on: every second one has the label."""
    kinds = sorted(known.parts)
    for number in range(arguments.scenes):
        rng = np.random.default_rng([SEED + 1, number])
        chosen = [kinds[place] for place in rng.permutation(len(kinds))[:3]]
        parts = {kind: known.parts[kind] for kind in chosen}
        if number % 2 == 0:
            parts = {kind: parts[kind] for kind in chosen[:2]} | {arguments.label: unseen}
        yield compose(Pool(parts), SCENE, rng)


def measure(checkpoint: Path, scenes: Sequence[Scene], label: str) -> dict[str, float]:
    """Return At-F1 of the label and of the known kinds, in percent, from a checkpoint's dense captions."""
    pipeline = Pipeline.load(checkpoint, num_slots=1)
    scored = []
    for scene in track(scenes, description="scenes", console=Console(stderr=True)):
        answer = pipeline.dense_caption(pipeline.encode(Waveform(scene.samples)))
        truth = [Sound(e.kind, e.start / SAMPLE_RATE, e.end / SAMPLE_RATE) for e in scene.events]
        found = [
            Sound(label_of(event.caption, [label]) or kind_of(event.caption, lexicon()), i.start_s, i.end_s)
            for event in answer.events
            for i in event.intervals
        ]
        scored.append(ScoredScene(tuple(truth), tuple(found)))
    old = [kind for kind in vocabulary() if kind != label]
    counts = clip_counts(scored, [*old, label])[label]
    without_label = [ScoredScene(tuple(s for s in r.reference if s.kind != label), r.predicted) for r in scored]
    return {
        "new_at_f1": round(100 * counts.f1, 1),
        "new_precision": round(100 * counts.precision, 1),
        "new_recall": round(100 * counts.recall, 1),
        "old_at_f1": round(100 * clip_macro_f1(without_label, old), 1),
    }


if __name__ == "__main__":
    sys.exit(main())
