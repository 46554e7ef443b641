"""What stage 1 hears: both encoders' frames of composed recordings, and what may be told of them."""

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.config import RunConfig
from training.data.bank import Bank
from training.data.composer import PlacedEvent, Pool, Scene, SceneConfig, compose
from training.data.features import FRAME_SAMPLES, FeatureRecipe, FeatureSet, feature_set, fingerprint
from training.data.more_words import GROUPS
from training.data.spoken import spoken_scene
from training.data.words import WORDS
from training.draws import Features
from training.encoders import EncoderTrainer
from training.precision import is_bfloat16_fast
from training.splices import Splicer

SURE = 0.2
"""How active a kind with few recordings must be in the sound encoder's head, on average over an event, to be named.

Of recordings that no encoder learned from, one in five is so named; at 0.35 it was one in twenty."""


def compute_features(config: RunConfig, encoders: EncoderTrainer, pool: Pool, bank: Bank | None, run: Path) -> Features:
    """Both encoders' frames of the recordings of stage 1, without dropout.

    Half of them lose bands of their spectrograms, as they did in stage 0: on recordings that they learned from, the
    encoders are surer than they will ever be again. An event of a kind with few recordings that the sound encoder is
    not sure of is told as a sound of its group alone: what cannot be heard should not be named.
    """
    for module in encoders.modules.values():
        module.eval().requires_grad_(False)
    group_of = {kind: name for name, group in GROUPS.items() for kind in group.kinds}

    def encode(waveforms: Tensor) -> tuple[Tensor, Tensor]:
        device = waveforms.device.type
        pays = config.encoders.optim.bfloat16 and is_bfloat16_fast(device)
        with torch.autocast(device, torch.bfloat16, enabled=pays):
            return encoders.features(waveforms, augment=bool(torch.rand(()) < 0.5))

    def doubt(frames: Tensor, scene: Scene) -> Scene:
        active = encoders.sound_head(frames[:, encoders.speech.dim :])[:, : len(encoders.kinds)].sigmoid()

        def told(event: PlacedEvent) -> PlacedEvent:
            if event.kind in WORDS or event.kind not in group_of:
                return event
            first = event.start // FRAME_SAMPLES
            inside = active[first : max(first + 1, event.end // FRAME_SAMPLES), encoders.kinds.index(event.kind)]
            return event if float(inside.mean()) >= SURE else replace(event, kind=group_of[event.kind])

        return replace(scene, events=tuple(map(told, scene.events)))

    def features(
        name: str,
        count: int,
        seconds: float,
        scene: SceneConfig,
        seed: int,
        draw_one: Callable[[np.random.Generator], Scene],
    ) -> FeatureSet:
        recipe = FeatureRecipe(
            draw=draw_one, count=count, seed=seed, told={"scene": asdict(scene), "seconds": seconds} | heard,
            title=f"features, {name}, {seconds:g} s",
        )  # fmt: skip
        return feature_set(run / "features" / f"{name}.npy", recipe, encode, doubt)

    heard = {
        "encoders": fingerprint(encoders.speech, encoders.sound, encoders.sound_head),
        "recordings": {kind: len(parts) for kind, parts in (*pool.parts.items(), *pool.others.items())},
    }
    scene, stage = config.data.scene, config.alignment
    quiet = replace(scene, seconds=30.0, min_events=0, max_events=0)
    long = replace(scene, seconds=stage.longest_seconds, min_events=5, max_events=20)
    spoken = None
    if bank is not None:
        read = partial(spoken_scene, bank, long.seconds, scene)
        spoken = features("spoken", stage.bulletins, long.seconds, scene, 12, read)
    short = features("short", stage.scenes, scene.seconds, scene, 10, lambda r: compose(pool, varied(scene, r), r))
    splicer = None
    if stage.spliced_share:
        noise = features("quiet", stage.quiet_scenes, quiet.seconds, quiet, 13, lambda r: compose(pool, quiet, r))
        splicer = Splicer(short, noise)
    long_one = features("long", stage.long_scenes, long.seconds, long, 11, lambda r: compose(pool, varied(long, r), r))
    return Features(short, long_one, spoken, splicer)


def varied(scene: SceneConfig, rng: np.random.Generator) -> SceneConfig:
    """In a quarter of the scenes kinds come back again and again, and in a quarter of the short ones nothing else is.

    Counting is learned from the former; the latter are what longer recordings are spliced from.
    """
    chance = rng.random()
    if chance < 0.25:
        most = max(6, scene.max_events)
        return replace(scene, repeat_probability=0.8, cut_probability=0.9, min_events=3, max_events=most)
    if chance < 0.5 and scene.min_events == 1:
        return replace(scene, max_events=1, cut_probability=0.6)
    return scene
