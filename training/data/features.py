"""Encoder features of composed recordings, computed once: the encoders are frozen from stage 1 on."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track
from torch import Tensor, nn

from model.audio.segment import SEGMENT_SAMPLES
from training.data.composer import PlacedEvent, Scene, clipped

FRAME_SAMPLES = 320

Encode = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Waveforms [batch, samples] to both encoders' frames [batch, frames, dim]."""

Doubt = Callable[[Tensor, Scene], Scene]
"""A scene, told as it was heard: given its frames [frames, speech + sound dim], with other events."""


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """Frames of recordings of one length.

    Attributes:
        frames: float16 [recordings, frames, speech + sound dim], mapped from disk.
        events: what each recording holds.
        num_samples: of every recording.
    """

    frames: npt.NDArray[np.float16]
    events: list[tuple[PlacedEvent, ...]]
    num_samples: int

    def __len__(self) -> int:
        return len(self.events)

    def take(self, index: npt.NDArray[np.int64]) -> Tensor:
        """Frames of some recordings, float32 [recordings, frames, dim]."""
        return torch.from_numpy(self.frames[index].astype(np.float32))

    def stretch(self, place: int, segment: int, length: int) -> tuple[Tensor, tuple[PlacedEvent, ...]]:
        """So many samples of one recording from a segment on: float32 [frames, dim], and what happens there."""
        first = segment * SEGMENT_SAMPLES
        rows = slice(first // FRAME_SAMPLES, (first + length) // FRAME_SAMPLES)
        frames = torch.from_numpy(self.frames[place, rows].astype(np.float32))
        return frames, clipped(self.events[place], first, length)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRecipe:
    """What is computed: `count` recordings, each by `draw` of a generator of its own.

    `told` is what stands in the index, by which a set on disk is known to be of these recordings.
    """

    draw: Callable[[np.random.Generator], Scene]
    count: int
    seed: int
    told: Mapping[str, Any]
    title: str


def feature_set(path: Path, recipe: FeatureRecipe, encode: Encode, doubt: Doubt) -> FeatureSet:
    """The features under `path`, computed first if they are not there yet, or not for these recordings."""
    told = json.loads(json.dumps({**recipe.told, "count": recipe.count, "seed": recipe.seed}))
    index = path.with_suffix(".json")
    if not index.is_file() or json.loads(index.read_text(encoding="utf-8"))["recipe"] != told:
        _compute(path, recipe, told, encode, doubt)
    stored = json.loads(index.read_text(encoding="utf-8"))
    events = [tuple(PlacedEvent(*e) for e in scene) for scene in stored["events"]]
    frames = np.load(path, mmap_mode="r")
    return FeatureSet(frames, events, frames.shape[1] * FRAME_SAMPLES)


def fingerprint(*modules: nn.Module) -> str:
    """A short name for what nets compute, by their weights."""
    digest = hashlib.sha256()
    for module in modules:
        for name, tensor in module.state_dict().items():
            digest.update(f"{name}{tuple(tensor.shape)}{float(tensor.double().sum()):.6g}".encode())
    return digest.hexdigest()[:16]


@torch.inference_mode()
def _compute(path: Path, recipe: FeatureRecipe, told: dict[str, Any], encode: Encode, doubt: Doubt) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").unlink(missing_ok=True)  # frames are overwritten in place: what names them goes first
    events: list[list[tuple[str, int, int]]] = []
    stored: np.memmap | None = None
    for number in track(range(recipe.count), description=recipe.title):
        torch.manual_seed(recipe.seed + number)  # what the encoders draw from
        scene = recipe.draw(np.random.default_rng([recipe.seed, number]))
        # Segments go through the encoders one by one, as they do where the model is served.
        parts = torch.from_numpy(scene.samples).split(SEGMENT_SAMPLES)
        heard = [torch.cat([frames.float() for frames in encode(part[None])], dim=-1)[0] for part in parts]
        frames = torch.cat(heard)
        scene = doubt(frames, scene)
        if stored is None:
            shape = (recipe.count, *frames.shape)
            stored = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=shape)
        stored[number] = frames.to(torch.float16).numpy()
        events.append([(e.kind, e.start, e.end) for e in scene.events])
    if stored is not None:
        stored.flush()
    path.with_suffix(".json").write_text(json.dumps({"recipe": told, "events": events}), encoding="utf-8")
