"""Train one stage on a manifest, from any checkpoint: `timeaudio train --data MANIFEST --from CHECKPOINT`."""

import argparse
import dataclasses
import hashlib
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType

from model.checkpoint import ADAPTER, EMBEDDED, load_checkpoint, save_checkpoint
from model.errors import TimeAudioError
from model.language.tokenizer import Tokenizer
from model.malloc import keep_freed_memory
from model.timeaudio import TimeAudio
from model.timeline.task import TASKS
from training.aligner import Aligner, one_per_recording
from training.data.manifest import ManifestError, Row
from training.data.recordings import DataError
from training.data.validate import read_manifest
from training.learner import Learner
from training.precision import is_bfloat16_fast
from training.run_file import ConfigError
from training.run_state import BEST, RESUME, State, claim, restore
from training.stage_data import Batches, Features
from training.stage_loop import Setup, train_stage
from training.stages import StageConfig, load_stage
from training.validation import Validation
from training.variants import prepare

VALIDATION_SHARE = 0.1
EXAMPLE = """examples:
  timeaudio train --data my.jsonl --from timeaudio-tiny
  timeaudio train --data stage1.jsonl --from start --stage paper-1 --out stage1
  timeaudio train --data stage2.jsonl --from stage1 --stage paper-2 --out timeaudio-mine
  accelerate launch --multi_gpu --num_processes 8 -m training --data stage1.jsonl --from start --stage paper-1
Run the same command again to resume."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A stage's paths: manifests, checkpoints, and the folders of its state and features."""

    data: Path
    start: Path
    run: Path
    out: Path
    validation: Path | None = None
    cache: Path | None = None
    device: str | None = None


def run_stage(job: Job, config: StageConfig) -> State:
    """Train one stage on a manifest and write the checkpoint.

    Raises:
        ManifestError, DataError, CheckpointError: an input is missing or not valid.
    """
    data, validation, out = job.data, job.validation, job.out
    is_taken = out.is_file() or (out.is_dir() and any(out.iterdir()) and not (out / "config.json").is_file())
    if is_taken or job.run.resolve().is_relative_to(out.resolve()):
        raise DataError(f"{out} holds something other than a checkpoint: choose another folder with --out.")
    rows = read_manifest(data)
    AcceleratorState._reset_state()  # an earlier stage may have used another precision
    is_cpu = job.device == "cpu" or not torch.cuda.is_available()
    pays = config.bfloat16 and is_bfloat16_fast("cpu" if is_cpu else "cuda")
    accelerator = Accelerator(mixed_precision="bf16" if pays else "no", cpu=job.device == "cpu")
    if accelerator.distributed_type in (DistributedType.FSDP, DistributedType.DEEPSPEED):
        raise DataError("Launch plain processes (torchrun, accelerate without FSDP), and set sharding = true.")
    say = accelerator.print
    if accelerator.is_main_process:
        claim_stage(job, config)
    held = [] if validation is None else read_manifest(validation)
    held_folder = data.parent if validation is None else validation.parent
    if validation is None and config.evaluate_every:
        rows, held = held_out(rows)
    if config.objective == "alignment":
        rows, held = one_per_recording(rows), []
    model, tokenizer, learner = _learner(job, config, str(accelerator.device), rows)
    dtype = model.llm.dtype
    rows, told = fitting(rows, learner, config)
    some = chosen_to_measure(held, config)
    say(f"{len(rows)} rows to train on, {len(some)} to choose the best state by. {told}")
    tasks = Counter(row.task for row in rows)
    model.config = dataclasses.replace(
        model.config,
        name=out.name if out.name != "checkpoint" else job.run.name,
        tasks=tuple(t for t in TASKS if t in model.config.tasks or t in tasks),
    )
    trained = sum(p.numel() for group in learner.groups() for p in group.parameters)
    say(f"{trained:,} of {sum(p.numel() for p in model.parameters()):,} parameters train: {', '.join(config.trains)}.")
    features = Features(model, data.parent, job.cache, bfloat16=pays)
    batches = Batches(rows, config.batch_size, config.seed, config.together)
    setup = Setup(learner, batches, features, config, accelerator)
    measure = None
    if some and isinstance(learner, Learner):
        measure = _measurement(Validation(some, held_folder, say), setup, job, model, tokenizer)
    state = train_stage(setup, job.run, measure)
    if accelerator.is_main_process:
        if setup.is_sharded:  # this process holds only a shard: load the saved state into an unsharded learner
            told_config = model.config
            model, tokenizer, learner = _learner(job, config, "cpu", rows)
            model.config = told_config
            restore(job.run, learner, BEST if (job.run / BEST).is_file() else RESUME)
        _write(out, job.start, learner, model.eval(), tokenizer, dtype)
        say(f"Checkpoint written to {out}.")
    return state


def _measurement(
    validation: Validation, setup: Setup, job: Job, model: TimeAudio, tokenizer: Tokenizer
) -> Callable[[], float]:
    """Return the function that scores the learner on the validation rows."""
    assert isinstance(setup.learner, Learner)
    if setup.is_sharded:
        return validation.measured_apart(setup, partial(_answering_learner, job, setup.config))
    return partial(validation.measure, model, tokenizer, setup.learner)


def _answering_learner(job: Job, config: StageConfig, device: str) -> tuple[TimeAudio, Tokenizer, Learner]:
    model, tokenizer, learner = _learner(job, config, device, ())
    assert isinstance(learner, Learner)
    return model, tokenizer, learner


def _learner(
    job: Job, config: StageConfig, device: str, rows: Sequence[Row]
) -> tuple[TimeAudio, Tokenizer, Learner | Aligner]:
    """Load the checkpoint as the stage starts with it, the same in every process.

    An alignment takes its labels from `rows`.
    """
    model, tokenizer = load_checkpoint(job.start, device=device)
    torch.manual_seed(config.seed)  # the adapters are initialised at random
    prepare(model, tokenizer, config)
    if config.objective == "alignment":
        return model, tokenizer, Aligner(model, tokenizer, config, rows)
    return model, tokenizer, Learner(model, tokenizer, config)


def claim_stage(job: Job, config: StageConfig) -> None:
    """Record a run's data, start checkpoint and stage in its folder.

    Raises:
        DataError: the folder holds a run with other settings.
    """
    data = hashlib.sha256(job.data.read_bytes()).hexdigest()
    told = {"data": data, "from": str(job.start.resolve()), **dataclasses.asdict(config)}
    claim(job.run / "run.json", told)


def held_out(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Split off a tenth of the recordings, with all their rows, for validation, by a hash of their names."""
    names = sorted({row.audio for row in rows}, key=lambda name: hashlib.sha256(Path(name).name.encode()).digest())
    chosen = set(names[: max(1, round(VALIDATION_SHARE * len(names)))]) if len(names) > 1 else set()
    return [row for row in rows if row.audio not in chosen], [row for row in rows if row.audio in chosen]


def chosen_to_measure(held: Sequence[Row], config: StageConfig) -> list[Row]:
    """Return the held-out rows to measure on, chosen by a hash of their ids, which mixes the tasks."""
    short = [row for row in held if (row.duration or 0.0) <= config.most_seconds]
    return sorted(short, key=lambda row: hashlib.sha256(row.id.encode()).digest())[: config.validation_rows]


def fitting(rows: Sequence[Row], learner: Learner | Aligner, config: StageConfig) -> tuple[list[Row], str]:
    """Return the rows that the stage trains on, and a sentence on those left out. Cut rows would have wrong answers.

    Raises:
        DataError: no row is left.
    """
    asked = [row for row in rows if config.absent_queries or row.task != "ground" or row.events]
    short = [row for row in asked if (row.duration or 0.0) <= config.most_seconds]
    kept = [row for row in short if len(learner.text(row).answer) <= config.most_text_tokens]
    if not kept:
        raise DataError(
            f"None of {len(rows)} rows has at most {config.most_seconds:g} s and an answer of at most"
            f" {config.most_text_tokens} tokens: raise most_seconds or most_text_tokens with --set."
        )
    long = len(asked) - len(short)
    told = f"Left out: {long} over {config.most_seconds:g} s, {len(short) - len(kept)} with too long an answer."
    return kept, told if config.absent_queries else f"{told[:-1]}, {len(rows) - len(asked)} absent queries."


def _write(
    out: Path, start: Path, learner: Learner | Aligner, model: TimeAudio, tokenizer: Tokenizer, dtype: torch.dtype
) -> None:
    """Write the checkpoint atomically. Copy the attribution and the README of the start checkpoint."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        part, adapter = Path(folder) / "checkpoint", Path(folder) / ADAPTER
        is_apart = isinstance(learner, Learner) and learner.write_adapter(adapter)
        learner.finish()
        save_checkpoint(part, model, tokenizer, dtype=torch.float16 if dtype == torch.float32 else dtype)
        if is_apart:
            adapter.rename(part / ADAPTER)
        for name in ("ATTRIBUTION.csv", "README.md"):
            if (start / name).is_file():
                shutil.copy(start / name, part / (name if name != "README.md" else "BASE_README.md"))
        if out.exists():
            shutil.rmtree(out)
        shutil.move(part, out)


def checkpoint_named(name: str) -> Path:
    """Return a checkpoint directory; `timeaudio-tiny` is the embedded one."""
    return EMBEDDED if name == EMBEDDED.name and not Path(name).is_dir() else Path(name)


def command_line() -> argparse.ArgumentParser:
    """Return the parser of `timeaudio train --data MANIFEST --from CHECKPOINT`."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="timeaudio train", description=__doc__, epilog=EXAMPLE, formatter_class=form)
    parser.add_argument("--data", type=Path, required=True, metavar="FILE", help="manifest: see docs/training.md")
    parser.add_argument("--from", dest="start", default=EMBEDDED.name, metavar="DIR", help="checkpoint to start from")
    parser.add_argument("--stage", default="adapt", help="adapt, ablation, paper-1, paper-2 or a file (default: adapt)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a value of the stage")
    parser.add_argument("--validation", type=Path, metavar="FILE", help="manifest (default: a tenth of the recordings)")
    parser.add_argument(
        "--run",
        "--state",
        type=Path,
        help="folder of the run's state; repeat it to resume (torchrun takes --run for itself) (default: runs/STAGE)",
    )
    parser.add_argument("--cache", type=Path, metavar="DIR", help="cache of the encoders' frames (float16)")
    parser.add_argument("--device", choices=["cpu", "cuda"], help="default: cuda if available")
    parser.add_argument("--out", type=Path, help="checkpoint directory to write (default: RUN/checkpoint)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    keep_freed_memory()
    arguments = command_line().parse_args(argv)
    run = arguments.run or Path("runs") / Path(arguments.stage).stem
    try:
        job = Job(
            data=arguments.data, start=checkpoint_named(arguments.start), run=run,
            out=arguments.out or run / "checkpoint",
            validation=arguments.validation, cache=arguments.cache, device=arguments.device,
        )  # fmt: skip
        run_stage(job, load_stage(arguments.stage, arguments.set))
    except (ConfigError, DataError, ManifestError, TimeAudioError, OSError, ValueError, FloatingPointError) as error:
        print(f"timeaudio train: {error}", file=sys.stderr)
        return 2
    return 0
