"""A checkpoint from nothing: every stage in order, each from where the run stands."""

import argparse
import shutil
import sys
from pathlib import Path

import torch
from torch import Tensor

from model.checkpoint import save_checkpoint
from training.alignment import AlignmentTrainer, Features, WarmUpTrainer, align, build_model, warm_up
from training.config import ConfigError, RunConfig, load_config
from training.data.composer import Pool
from training.data.features import feature_set, sparse
from training.data.pools import training_pool
from training.data.recordings import DataError
from training.encoders import EncoderTrainer, train_encoders
from training.language import train_language_model

CONFIGS = Path(__file__).parent / "configs"


def train(config: RunConfig, data: Path, run: Path, out: Path, variant: str = "") -> None:
    """Train all stages and write the checkpoint to `out`.

    What is done already under `run` is not done again, so the same command goes on after a stop. A variant shares
    stage 0's nets and features with the run, and has a connector and an alignment of its own: so ablations are made.
    """
    pool = training_pool(data, config.data)
    count = {kind: len(parts) for kind, parts in pool.parts.items()}
    print(f"{sum(count.values())} recordings of {len(count)} kinds to train on (speeds counted).", flush=True)
    language = train_language_model(config.language, config.data, pool, run / "language")
    encoders = train_encoders(config.encoders, config.data, pool, run / "encoders")
    tokenizer = language.builder.tokenizer
    features = compute_features(config, encoders, pool, run)
    model = build_model(config.alignment, config.name, encoders, language)
    connecting = WarmUpTrainer(model, language.kinds, features, config.alignment)
    warm_up(connecting, run / variant / "connector")
    connecting.join(language.timeline)
    align(AlignmentTrainer(model, tokenizer, features, config.alignment), tokenizer, run / variant / "alignment")
    save_checkpoint(out, model, tokenizer, dtype=torch.float16)
    if (data / "clips.csv").is_file():
        # Authors and licences travel with whatever is made from their recordings.
        shutil.copyfile(data / "clips.csv", out / "ATTRIBUTION.csv")
    print(f"Checkpoint written to {out}.", flush=True)


def compute_features(config: RunConfig, encoders: EncoderTrainer, pool: Pool, run: Path) -> Features:
    """Both encoders' frames of the scenes of stage 1, without dropout.

    Half of the batches lose bands of their spectrograms, as they did in stage 0: on recordings that they learned from,
    the encoders are surer than they will ever be again.
    """
    for module in encoders.modules.values():
        module.eval().requires_grad_(False)

    def encode(waveforms: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast(waveforms.device.type, torch.bfloat16, enabled=config.encoders.optim.bfloat16):
            return encoders.features(waveforms, augment=bool(torch.rand(()) < 0.5))

    scene, stage = config.data.scene, config.alignment
    long = sparse(scene, config.data.long_seconds, 6)
    folder = run / "features"
    return Features(
        feature_set(folder / "short.npy", encode, pool, scene, stage.scenes, seed=10, title="features, 10 s"),
        feature_set(folder / "long.npy", encode, pool, long, stage.long_scenes, seed=11, title="features, 30 s"),
    )


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
        train(config, arguments.data, arguments.run, out, arguments.variant)
    except (ConfigError, DataError, FileNotFoundError) as error:
        print(f"timeaudio train: {error}", file=sys.stderr)
        return 2
    return 0
