"""A checkpoint from nothing: every stage in order, each from where the run stands."""

import argparse
import shutil
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from model.checkpoint import load_checkpoint, save_checkpoint
from model.encoders.aisfx import AisfxEncoder
from model.errors import TimeAudioError
from model.timeaudio import SoundEncoder
from training.alignment import AlignmentTrainer, align, build_model, tasks_of
from training.composed_features import compute_features
from training.config import RunConfig
from training.connecting import WarmUpTrainer, warm_up
from training.data.bank import Bank, spoken_bank
from training.data.composer import Pool, Samples
from training.data.pools import other_parts, training_pool
from training.data.recordings import DataError
from training.data.speech import speech_parts
from training.encoders import train_encoders, train_heads
from training.fetching import fetch
from training.language import timeline_columns, train_language_model
from training.listening import listen
from training.reading import read_on
from training.run_file import ConfigError, load_config
from training.run_state import claim

CONFIGS = Path(__file__).parent / "configs"

HEADLINES, FILLERS_PER_VOICE = 5200, 40
"""Spoken sentences of the bank: about ten for each fact and voice."""


def train(
    config: RunConfig,
    data: Path,
    run: Path,
    out: Path,
    variant: str = "",
    *,
    voices: Path | None = None,
    start: Path | None = None,
) -> None:
    """Train all stages and write the checkpoint to `out`.

    What is done already under `run` is not done again, so the same command goes on after a stop. A variant shares
    stage 0's nets and features with the run, and has a connector and an alignment of its own: so ablations are made.

    Args:
        voices: a folder of recorded speech.
        start: a checkpoint of this recipe; stage 1 goes on from its nets, and there is no stage 0.
    """
    pool = sounds = training_pool(data, config.data)
    stage_0 = _flat({name: asdict(getattr(config, name)) for name in ("data", "encoders", "language")})
    begun = {} if start is None else {"start": str(start)}
    claim(run / "run.json", begun | {"recordings": {kind: len(parts) for kind, parts in pool.parts.items()}, **stage_0})
    claim(run / variant / "alignment.json", _flat({"alignment": asdict(config.alignment)}))
    bank = speech_bank(config, run)
    if bank is not None:
        pool = Pool(sounds.parts, {**sounds.others, **speech_parts(bank, voices)})
    count = {kind: len(parts) for kind, parts in (*pool.parts.items(), *pool.others.items())}
    print(f"{sum(count.values())} recordings of {len(count)} kinds to train on (speeds counted).", flush=True)
    doubtful = other_parts(data, "doubtful", config.data.speeds) if config.data.other_kinds else {}
    language = None
    if start is None:
        language = train_language_model(config.language, config.data, pool, run / "language")
        encoders = train_encoders(config.encoders, config.data, pool, run / "encoders")
        _listen(config, sounds, bank, run, encoders.sound)
        tokenizer, columns = language.builder.tokenizer, language.columns
        model = build_model(config.alignment, config.name, encoders, language)
    else:
        model, tokenizer = load_checkpoint(start)
        model.llm.set_attn_implementation("eager")  # as in `training.language`
        model.config = replace(model.config, tasks=tasks_of(config.alignment))
        _listen(config, sounds, bank, run, model.sound)
        encoders = train_heads(config.encoders, config.data, pool, run / "encoders", model.speech, model.sound)
        columns = timeline_columns(encoders.kinds)
    features = compute_features(config, encoders, _joined(pool, doubtful), bank, run)
    if language is not None:
        connecting = WarmUpTrainer(model, columns, features, config.alignment)
        warm_up(connecting, run / variant / "connector")
        connecting.join(language.timeline)
    aligning = AlignmentTrainer(model, tokenizer, columns, features, config.alignment)
    align(aligning, tokenizer, run / variant / "alignment")
    _go_on(aligning, run / variant, spoken=bank is not None)
    save_checkpoint(out, model, tokenizer, dtype=torch.float16)
    if (data / "clips.csv").is_file():
        # Authors and licences travel with whatever is made from their recordings.
        shutil.copyfile(data / "clips.csv", out / "ATTRIBUTION.csv")
    print(f"Checkpoint written to {out}.", flush=True)


def _go_on(aligned: AlignmentTrainer, run: Path, *, spoken: bool) -> None:
    """The parts of stage 1 after its own; each is refused where those before it went on since."""
    config = aligned.config
    before = {"steps before it": config.optim.steps}
    if spoken and config.fetching is not None:
        claim(run / "fetching" / "fetching.json", before)
        fetch(aligned, config.fetching, run / "fetching")
        before["steps of fetching"] = config.fetching.steps
    if spoken and config.summing_up is not None:
        claim(run / "summing-up" / "summing-up.json", before)
        read_on(aligned, config.summing_up, run / "summing-up")
        before["steps of summing up"] = config.summing_up.optim.steps
    if config.reading is not None:
        claim(run / "reading" / "reading.json", before)
        read_on(aligned, config.reading, run / "reading")


def _listen(config: RunConfig, sounds: Pool, bank: Bank | None, run: Path, sound: SoundEncoder) -> None:
    if bank is not None and config.encoders.listening is not None:
        if isinstance(sound, AisfxEncoder):
            raise ConfigError("encoders.listening", ["trains a conv or beats sound encoder, not aisfx: leave it out"])
        listen(config.encoders.listening, config.data, sounds, bank, run / "listening", sound)


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
    parser.add_argument("--start", type=Path, help="checkpoint of such a run: go on with its stage 1, without stage 0")
    parser.add_argument("--out", type=Path, help="checkpoint directory to write (default: RUN/VARIANT/checkpoint)")
    arguments = parser.parse_args(argv)
    try:
        config = load_config(RunConfig, arguments.config, arguments.set)
        out = arguments.out or arguments.run / arguments.variant / "checkpoint"
        train(
            config,
            arguments.data,
            arguments.run,
            out,
            arguments.variant,
            voices=arguments.voices,
            start=arguments.start,
        )
    except (ConfigError, DataError, TimeAudioError, OSError, FloatingPointError) as error:
        print(f"timeaudio train: {error}", file=sys.stderr)
        return 2
    return 0
