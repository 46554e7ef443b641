"""Encoder features of composed scenes, computed once: the encoders are frozen from stage 1 on."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track
from torch import Tensor

from training.data.composer import PlacedEvent, Pool, Scene, SceneConfig, compose

Encode = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Waveforms [batch, samples] to both encoders' frames [batch, frames, dim]."""


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """Frames of scenes of one length.

    Attributes:
        frames: float16 [scenes, frames, speech + sound dim], mapped from disk.
        events: what each scene holds.
        num_samples: of every scene.
    """

    frames: npt.NDArray[np.float16]
    events: list[tuple[PlacedEvent, ...]]
    num_samples: int

    def __len__(self) -> int:
        return len(self.events)

    def take(self, index: npt.NDArray[np.int64]) -> Tensor:
        """Frames of some scenes, float32 [scenes, frames, dim]."""
        return torch.from_numpy(self.frames[index].astype(np.float32))


def feature_set(
    path: Path, encode: Encode, pool: Pool, config: SceneConfig, count: int, *, seed: int, title: str
) -> FeatureSet:
    """The features under `path`, computed first if they are not there yet, or not for these scenes."""
    recipe = {"scene": asdict(config), "count": count, "seed": seed}
    index = path.with_suffix(".json")
    if not index.is_file() or json.loads(index.read_text(encoding="utf-8"))["recipe"] != json.loads(json.dumps(recipe)):
        _compute(path, encode, pool, config, recipe, title)
    stored = json.loads(index.read_text(encoding="utf-8"))
    events = [tuple(PlacedEvent(*e) for e in scene) for scene in stored["events"]]
    return FeatureSet(np.load(path, mmap_mode="r"), events, round(config.seconds * 16_000))


@torch.inference_mode()
def _compute(
    path: Path, encode: Encode, pool: Pool, config: SceneConfig, recipe: dict[str, object], title: str
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    count, seed = int(str(recipe["count"])), int(str(recipe["seed"]))
    batch = max(1, round(160 / config.seconds))
    events: list[list[tuple[str, int, int]]] = []
    stored: np.memmap | None = None
    for first in track(range(0, count, batch), description=title):
        torch.manual_seed(seed + first)  # what the encoders draw from
        scenes: list[Scene] = [
            compose(pool, config, np.random.default_rng([seed, i])) for i in range(first, min(count, first + batch))
        ]
        speech, sound = encode(torch.from_numpy(np.stack([s.samples for s in scenes])))
        frames = torch.cat([speech.float(), sound.float()], dim=-1)
        if stored is None:
            shape = (count, *frames.shape[1:])
            stored = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=shape)
        stored[first : first + len(scenes)] = frames.to(torch.float16).numpy()
        events += [[(e.kind, e.start, e.end) for e in s.events] for s in scenes]
    if stored is not None:
        stored.flush()
    path.with_suffix(".json").write_text(json.dumps({"recipe": recipe, "events": events}), encoding="utf-8")


def sparse(config: SceneConfig, seconds: float, most: int) -> SceneConfig:
    """The same kind of scene, longer, with so many events at most."""
    return replace(config, seconds=seconds, max_events=most, repeat_probability=0.3)
