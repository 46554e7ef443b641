"""The peer that a user would train instead: a small convolutional net that says which kinds sound in each frame.

`python -m training.baseline --data DIR --steps N` trains it on scenes like those of a run's encoders (the same
recordings, speeds and mixtures, all of 10 s; no speech), and scores it on the scenes of `timeaudio evaluate` and
`timeaudio evaluate --all-kinds`: a kind is said to be in a scene where any frame reaches 0.5. Nothing is tuned.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from model.audio.log_mel import log_mel
from model.audio.waveform import SAMPLE_RATE
from training.config import RunConfig
from training.data.composer import PlacedEvent, Pool, SceneConfig, compose
from training.data.pools import other_parts, training_pool, validation_pool
from training.data.recordings import DataError
from training.data.words import WORDS
from training.evaluate import OTHER_SHARE
from training.metrics.bootstrap import Estimate, bootstrap
from training.metrics.events import ScoredScene, Sound, clip_macro_f1
from training.run_file import load_config

CONFIG = Path(__file__).parent / "configs" / "tiny.toml"
FRAME_SAMPLES = 640
"""40 ms: two halvings of the spectrogram's 10 ms."""
THRESHOLD = 0.5
WARM_UP = 0.05
"""Share of the steps in which the learning rate rises."""


class FrameClassifier(nn.Module):
    """Four convolutions on a log-mel spectrogram, the mean over bands, and a linear layer for each frame."""

    def __init__(self, num_kinds: int, channels: Sequence[int] = (16, 32, 64, 128), num_mels: int = 64) -> None:
        super().__init__()
        self.num_mels = num_mels
        layers: list[nn.Module] = []
        pools = ((2, 2), (2, 2), (2, 1), (2, 1))  # bands, time
        for before, after, pool in zip((1, *channels[:-1]), channels, pools, strict=True):
            layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
            layers += [nn.MaxPool2d(pool)]
        self.convolutions = nn.Sequential(*layers)
        self.head = nn.Linear(channels[-1], num_kinds)
        nn.init.constant_(self.head.bias, -4.0)  # most kinds are silent at most times

    def forward(self, waveforms: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch frames kinds"]:
        """Logits of each kind in each 40 ms."""
        with torch.no_grad():
            spectrogram = log_mel(waveforms, num_mels=self.num_mels)
        frames = self.convolutions(spectrogram[:, None]).mean(dim=2)
        logits: Tensor = self.head(frames.transpose(1, 2))
        return logits


def targets_of(events: Sequence[PlacedEvent], kinds: Sequence[str], num_frames: int) -> npt.NDArray[np.float32]:
    """1 where a kind sounds in the middle of a frame, [frames, kinds]."""
    targets = np.zeros((num_frames, len(kinds)), dtype=np.float32)
    for event in events:
        first, last = round(event.start / FRAME_SAMPLES), round(event.end / FRAME_SAMPLES)
        targets[first : max(first + 1, last), kinds.index(event.kind)] = 1
    return targets


def fit(pool: Pool, scene: SceneConfig, *, steps: int, batch_size: int = 16, rate: float = 2e-3) -> FrameClassifier:
    """A classifier of the pool's kinds, trained from nothing with AdamW; the same steps draw the same scenes."""
    torch.manual_seed(0)
    kinds = kinds_of(pool)
    net = FrameClassifier(len(kinds)).train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=WARM_UP)
    began = time.monotonic()
    for step in range(steps):
        rng = np.random.default_rng([0, step])
        scenes = [compose(pool, scene, rng) for _ in range(batch_size)]
        logits = net(torch.from_numpy(np.stack([s.samples for s in scenes])))
        targets = torch.from_numpy(np.stack([targets_of(s.events, kinds, logits.shape[1]) for s in scenes]))
        loss = functional.binary_cross_entropy_with_logits(logits, targets) * len(kinds)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 0 or step + 1 == steps:
            took = time.monotonic() - began
            print(f"step {step + 1} of {steps}: loss {loss.item():.3f}, {took:.0f} s", file=sys.stderr, flush=True)
    return net.eval()


def kinds_of(pool: Pool) -> list[str]:
    """What the net's outputs are, in order."""
    return sorted({*pool.parts, *pool.others})


@torch.inference_mode()
def clip_f1(
    net: FrameClassifier, kinds: Sequence[str], pool: Pool, scene: SceneConfig, *, scenes: int, seed: int
) -> Estimate:
    """Clip-level macro F1 over the kinds of `pool`, on the scenes that `timeaudio evaluate` composes with this seed."""
    scored = []
    for index in range(scenes):
        composed = compose(pool, scene, np.random.default_rng([seed, index]))
        most = net(torch.from_numpy(composed.samples)[None])[0].amax(dim=0).sigmoid()
        end = len(composed.samples) / SAMPLE_RATE
        said = tuple(Sound(k, 0.0, end) for k, p in zip(kinds, most.tolist(), strict=True) if p >= THRESHOLD)
        due = tuple(Sound(e.kind, e.start / SAMPLE_RATE, e.end / SAMPLE_RATE) for e in composed.events)
        scored.append(ScoredScene(due, said))
    asked = kinds_of(pool)
    return bootstrap(scored, lambda some: clip_macro_f1(some, asked), num_resamples=200)


def score(
    net: FrameClassifier, kinds: Sequence[str], data: Path, config: RunConfig, *, scenes: int
) -> dict[str, float]:
    """Clip-level macro F1 on scenes of the ten kinds, and on those of all."""
    ten = validation_pool(data, config.data)
    every = Pool(ten.parts, other_parts(data, "held out"))
    settings: Mapping[str, tuple[Pool, SceneConfig]] = {
        f"the {len(WORDS)} kinds": (ten, SceneConfig()),
        f"all {len(kinds_of(every))} kinds": (every, replace(SceneConfig(), other_share=OTHER_SHARE)),
    }
    found = {}
    for name, (pool, scene) in settings.items():
        estimate = clip_f1(net, kinds, pool, scene, scenes=scenes, seed=7)
        found[name] = estimate.value
        print(f"At-F1, {name}: {100 * estimate.value:.1f} % ({100 * estimate.low:.1f} - {100 * estimate.high:.1f})")
    return found


def main(argv: list[str] | None = None) -> int:
    """The command line: train, then print both scores."""
    parser = argparse.ArgumentParser(prog="python -m training.baseline", description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with clips.csv or meta/esc50.csv, and audio/")
    parser.add_argument("--steps", type=int, default=2000, help="batches of 16 scenes of 10 s (default: %(default)s)")
    parser.add_argument("--config", type=Path, default=CONFIG, help="the run whose scenes to train on (default: tiny)")
    parser.add_argument("--scenes", type=int, default=200, help="scenes of each test (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="file to write the scores to")
    arguments = parser.parse_args(argv)
    config = load_config(RunConfig, arguments.config)
    try:
        pool = training_pool(arguments.data, config.data)
        net = fit(pool, config.data.scene, steps=arguments.steps)
        found = score(net, kinds_of(pool), arguments.data, config, scenes=arguments.scenes)
    except DataError as error:
        print(f"training.baseline: {error}", file=sys.stderr)
        return 2
    if arguments.json:
        told = {"steps": arguments.steps, "scenes": arguments.scenes, "at_f1": found}
        arguments.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
