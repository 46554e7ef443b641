"""Train and score a baseline: a frame-level classifier on the same frozen features and the same scenes.

LayerNorm, a linear layer, one convolution and one GRU predict which kinds sound in each 20 ms frame. The baseline is
scored on the scenes of `timeaudio evaluate`: a kind is active where its probability, smoothed over 0.4 s, reaches 0.5;
neighbouring active frames make an event. Nothing is tuned.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional

from model.audio.segment import split
from model.audio.waveform import SAMPLE_RATE, Waveform
from model.checkpoint import load_checkpoint
from model.errors import TimeAudioError
from model.precision import fastest_dtype
from model.timeaudio import TimeAudio
from training.data.composer import Pool, SceneConfig, compose, plain_scenes
from training.data.manifest import ManifestError, Row
from training.data.pools import read_pool
from training.data.recordings import DataError
from training.data.validate import read_manifest
from training.data.vocabulary import vocabulary
from training.metrics.events import ScoredScene, Sound
from training.scene_report import SceneReport, SceneResult
from training.stage_data import BatchSampler, FeatureExtractor

FRAMES_PER_S = 50
SMOOTHED_FRAMES = 21
THRESHOLD = 0.5
BATCH = 16


class FrameClassifier(nn.Module):
    """Predicts a logit per kind and frame from both encoders' concatenated frames."""

    def __init__(self, dim: int, kinds: Sequence[str]) -> None:
        super().__init__()
        self.kinds = tuple(kinds)
        self.norm = nn.LayerNorm(dim)
        self.project = nn.Linear(dim, 192)
        self.convolution = nn.Conv1d(192, 192, 9, padding=4)
        self.recurrent = nn.GRU(192, 128, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(256, len(self.kinds))
        nn.init.constant_(self.head.bias, -4.0)  # most kinds are silent at most times

    def forward(self, frames: Float[Tensor, "batch frames dim"]) -> Float[Tensor, "batch frames kinds"]:
        """Return the logits."""
        hidden = functional.gelu(self.project(self.dropout(self.norm(frames))))
        hidden = functional.gelu(self.convolution(hidden.transpose(1, 2))).transpose(1, 2)
        logits: Tensor = self.head(self.dropout(self.recurrent(hidden)[0]))
        return logits


def targets_of(row: Row, kinds: Sequence[str], num_frames: int) -> Float[Tensor, "frames kinds"]:
    """Return the targets: 1 where a kind sounds in a frame."""
    targets = torch.zeros(num_frames, len(kinds))
    for event in row.events:
        if event.label in kinds:
            for start, end in event.intervals:
                first, last = round(start * FRAMES_PER_S), round(end * FRAMES_PER_S)
                targets[first : max(first + 1, last), kinds.index(event.label)] = 1
    return targets


def fit(
    rows: Sequence[Row], features: FeatureExtractor, dim: int, *, steps: int, rate: float = 1e-3
) -> FrameClassifier:
    """Train a classifier of all kinds with AdamW on the recordings of dense caption rows."""
    torch.manual_seed(0)
    net = FrameClassifier(dim, list(vocabulary()))
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.05)
    batches = BatchSampler(rows, BATCH, seed=0)
    for step in track(range(steps), description="classifier", console=Console(stderr=True)):
        chosen = batches.at(step)
        found = [torch.cat(pair, dim=2)[0] for pair in features.frames(chosen)]
        length = min(len(frames) for frames in found)
        targets = [targets_of(row, net.kinds, len(f))[:length] for row, f in zip(chosen, found, strict=True)]
        logits = net(torch.stack([frames[:length] for frames in found]))
        loss = (
            functional.binary_cross_entropy_with_logits(logits, torch.stack(targets), reduction="none").sum(-1).mean()
        )
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return net.eval()


@torch.inference_mode()
def predict(net: FrameClassifier, model: TimeAudio, waveform: Waveform) -> list[Sound]:
    """Return the events that the classifier finds."""
    frames = torch.cat(model.encode_segments(split(waveform)), dim=2)
    probability = net(frames)[0].sigmoid().T[:, None]
    smooth = functional.avg_pool1d(probability, SMOOTHED_FRAMES, 1, SMOOTHED_FRAMES // 2, count_include_pad=False)
    found = []
    for kind, active in zip(net.kinds, smooth[:, 0] >= THRESHOLD, strict=True):
        found += [Sound(kind, start, end) for start, end in active_runs(active)]
    return found


def active_runs(active: Bool[Tensor, " frames"]) -> list[tuple[float, float]]:
    """Return the runs of active frames as (start, end) in seconds."""
    padded = functional.pad(active.int(), (1, 1)).diff()
    starts, ends = (torch.nonzero(padded == sign).flatten().tolist() for sign in (1, -1))
    return [(start / FRAMES_PER_S, end / FRAMES_PER_S) for start, end in zip(starts, ends, strict=True)]


def report(
    net: FrameClassifier, model: TimeAudio, pool: Pool, configs: Sequence[SceneConfig], *, scenes: int, seed: int
) -> SceneReport:
    """Return the scores of the classifier's events in the scenes that `evaluate` composes."""
    results = []
    for index in track(range(scenes), description="scenes", console=Console(stderr=True)):
        scene = compose(pool, configs[index % len(configs)], np.random.default_rng([seed, index]))
        reference = tuple(
            Sound(e.kind, e.start / SAMPLE_RATE, e.end / SAMPLE_RATE) for e in scene.events if e.kind in vocabulary()
        )
        results.append(SceneResult(ScoredScene(reference, tuple(predict(net, model, Waveform(scene.samples))))))
    return SceneReport(tuple(results), {}, tuple(kind for kind in pool.parts if kind in vocabulary()))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.baseline", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="FILE", help="manifest to train on")
    parser.add_argument("--recordings", type=Path, nargs="+", required=True, metavar="DIR", help="for the test scenes")
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="checkpoint with the encoders")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="cache of the encoders' frames")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--seconds", type=float, nargs="+", default=[10.0, 20.0, 30.0])
    parser.add_argument("--seed", type=int, default=7, help="seed of the scenes, as in `timeaudio evaluate`")
    arguments = parser.parse_args(argv)
    try:
        model, _ = load_checkpoint(arguments.model)
        rows = [row for row in read_manifest(arguments.data) if row.task == "dense_caption"]
        pool = read_pool(arguments.recordings, "validate")
        ten = read_pool(arguments.recordings, "validate", ten=True)
    except (DataError, ManifestError, TimeAudioError, OSError) as error:
        print(f"python -m training.baseline: {error}", file=sys.stderr)
        return 2
    is_bfloat16 = fastest_dtype("cpu") is torch.bfloat16
    features = FeatureExtractor(model, arguments.data.parent, arguments.cache, bfloat16=is_bfloat16)
    net = fit(rows, features, model.fusion.dim, steps=arguments.steps)
    configs = plain_scenes(arguments.seconds)
    for name, chosen, settings in (("all kinds", pool, configs), ("the ten kinds", ten, [SceneConfig()])):
        found = report(net, model, chosen, settings, scenes=arguments.scenes, seed=arguments.seed)
        print(json.dumps({
            "scenes of": name, "At-F1": round(100 * found.clip_f1.value, 1),
            "event F1": round(100 * found.event_f1.value, 1), "kinds never named": found.num_never_named,
        }))  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
