"""A checkpoint from nothing: every stage in order, each from where the run stands."""

import argparse
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from model.checkpoint import save_checkpoint
from model.errors import TimeAudioError
from training.alignment import AlignmentTrainer, WarmUpTrainer, align, build_model, warm_up
from training.config import ConfigError, RunConfig, load_config
from training.data.composer import PlacedEvent, Pool, Samples, Scene, SceneConfig, compose
from training.data.features import FRAME_SAMPLES, FeatureRecipe, FeatureSet, feature_set, fingerprint
from training.data.more_words import GROUPS
from training.data.newsroom import Bank, spoken_bank
from training.data.pools import other_parts, training_pool
from training.data.recordings import DataError
from training.data.speech import speech_parts
from training.data.spoken import spoken_scene
from training.data.words import WORDS
from training.draws import Features
from training.encoders import EncoderTrainer, train_encoders
from training.language import train_language_model
from training.precision import is_bfloat16_fast
from training.run_state import claim

CONFIGS = Path(__file__).parent / "configs"

HEADLINES, FILLERS_PER_VOICE = 5200, 40
"""Spoken sentences of the bank: about ten for each fact and voice."""

SURE = 0.35
"""How active a kind with few recordings must be in the sound encoder's head, on average over an event, to be named."""


def train(
    config: RunConfig, data: Path, run: Path, out: Path, variant: str = "", *, voices: Path | None = None
) -> None:
    """Train all stages and write the checkpoint to `out`.

    What is done already under `run` is not done again, so the same command goes on after a stop. A variant shares
    stage 0's nets and features with the run, and has a connector and an alignment of its own: so ablations are made.
    `voices` is a folder of recorded speech.
    """
    pool = training_pool(data, config.data)
    stage_0 = _flat({name: asdict(getattr(config, name)) for name in ("data", "encoders", "language")})
    claim(run / "run.json", {"recordings": {kind: len(parts) for kind, parts in pool.parts.items()}, **stage_0})
    claim(run / variant / "alignment.json", _flat({"alignment": asdict(config.alignment)}))
    bank = speech_bank(config, run)
    if bank is not None:
        pool = Pool(pool.parts, {**pool.others, **speech_parts(bank, voices)})
    count = {kind: len(parts) for kind, parts in (*pool.parts.items(), *pool.others.items())}
    print(f"{sum(count.values())} recordings of {len(count)} kinds to train on (speeds counted).", flush=True)
    language = train_language_model(config.language, config.data, pool, run / "language")
    encoders = train_encoders(config.encoders, config.data, pool, run / "encoders", bank)
    tokenizer = language.builder.tokenizer
    doubtful = other_parts(data, "doubtful", config.data.speeds) if config.data.other_kinds else {}
    features = compute_features(config, encoders, _joined(pool, doubtful), bank, run)
    model = build_model(config.alignment, config.name, encoders, language)
    connecting = WarmUpTrainer(model, language.columns, features, config.alignment)
    warm_up(connecting, run / variant / "connector")
    connecting.join(language.timeline)
    aligning = AlignmentTrainer(model, tokenizer, language.columns, features, config.alignment)
    align(aligning, tokenizer, run / variant / "alignment")
    save_checkpoint(out, model, tokenizer, dtype=torch.float16)
    if (data / "clips.csv").is_file():
        # Authors and licences travel with whatever is made from their recordings.
        shutil.copyfile(data / "clips.csv", out / "ATTRIBUTION.csv")
    print(f"Checkpoint written to {out}.", flush=True)


def _flat(table: Mapping[str, Any], at: str = "") -> dict[str, object]:
    """A configuration with dotted names, without the numbers of steps: a run may be made longer."""
    found: dict[str, object] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{at}{name}.")
        elif name not in ("steps", "save_every"):
            found[f"{at}{name}"] = value
    return found


def speech_bank(config: RunConfig, run: Path) -> Bank | None:
    """The run's spoken sentences; None where it has no bulletins."""
    if not config.alignment.bulletins:
        return None
    try:
        return spoken_bank(
            run / "speech", headlines=HEADLINES, fillers_per_voice=FILLERS_PER_VOICE, held_out=False, seed=0
        )
    except DataError as error:
        raise DataError(f"{error} Or train without spoken bulletins (alignment.bulletins = 0).") from None


def _joined(pool: Pool, more: Mapping[str, list[Samples]]) -> Pool:
    others: dict[str, list[Samples]] = defaultdict(list)
    for parts in (pool.others, more):
        for kind, several in parts.items():
            others[kind] += several
    return Pool(pool.parts, others)


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
    long = replace(scene, seconds=stage.longest_seconds, min_events=5, max_events=20)
    spoken = None
    if bank is not None:
        read = partial(spoken_scene, bank, long.seconds, scene)
        spoken = features("spoken", stage.bulletins, long.seconds, scene, 12, read)
    return Features(
        features("short", stage.scenes, scene.seconds, scene, 10, lambda rng: compose(pool, varied(scene, rng), rng)),
        features("long", stage.long_scenes, long.seconds, long, 11, lambda rng: compose(pool, varied(long, rng), rng)),
        spoken,
    )


def varied(scene: SceneConfig, rng: np.random.Generator) -> SceneConfig:
    """In a quarter of the scenes kinds come back again and again: counting is learned from those."""
    if rng.random() >= 0.25:
        return scene
    most = max(6, scene.max_events)
    return replace(scene, repeat_probability=0.8, cut_probability=0.9, min_events=3, max_events=most)


def main(argv: list[str] | None = None) -> int:
    """The command line: `timeaudio train` and `python -m training`; of a manifest, `training.stage_command`'s."""
    given = sys.argv[1:] if argv is None else argv
    if {"-h", "--help"} & set(given):
        from training.stage_command import command_line

        print(command_line().format_help() + "\n\nOr everything from nothing:\n")
    elif any(word == "--from" or word.endswith(".jsonl") for word in given):
        from training.stage_command import main as train_on_manifest

        return train_on_manifest(given)
    parser = argparse.ArgumentParser(prog="timeaudio train", description=__doc__)
    parser.add_argument(
        "config", nargs="?", type=Path, default=CONFIGS / "tiny.toml", help="run file (default: %(default)s)"
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with clips.csv or meta/esc50.csv, and audio/")
    parser.add_argument("--voices", type=Path, help="folder of recorded speech: clips.csv (filename, seconds, text)")
    parser.add_argument(
        "--run", type=Path, default=Path("runs/tiny"), help="state of the run; the same folder resumes it"
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the run file's value")
    parser.add_argument("--variant", default="", help="train only the connector and stage 1 anew, beside the run's own")
    parser.add_argument("--out", type=Path, help="checkpoint directory to write (default: RUN/VARIANT/checkpoint)")
    arguments = parser.parse_args(argv)
    try:
        config = load_config(RunConfig, arguments.config, arguments.set)
        out = arguments.out or arguments.run / arguments.variant / "checkpoint"
        train(config, arguments.data, arguments.run, out, arguments.variant, voices=arguments.voices)
    except (ConfigError, DataError, TimeAudioError, OSError, FloatingPointError) as error:
        print(f"timeaudio train: {error}", file=sys.stderr)
        return 2
    return 0
