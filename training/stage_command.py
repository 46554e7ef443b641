"""Train one stage on a manifest, from any checkpoint: `timeaudio train --data MANIFEST --from CHECKPOINT`."""

import dataclasses
import hashlib
import shutil
import sys
import tempfile
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
from training.options.train import parse
from training.precision import is_bfloat16_fast
from training.run_file import ConfigError
from training.run_state import BEST, RESUME, RunState, check_run_config, restore
from training.stage_data import BatchSampler, FeatureExtractor
from training.stage_loop import train_stage
from training.stages import StageConfig, load_stage
from training.stop_signals import Stopped
from training.training_setup import TrainingSetup
from training.validation import Validation
from training.variants import apply_stage_settings

VALIDATION_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingJob:
    """A stage's paths: manifests, checkpoints, and the folders of its state and features."""

    data: Path
    start: Path
    run: Path
    out: Path
    validation: Path | None = None
    cache: Path | None = None
    device: str | None = None


def run_stage(job: TrainingJob, config: StageConfig) -> RunState:
    """Train one stage on a manifest and write the checkpoint.

    Raises:
        ManifestError, DataError, CheckpointError: an input is missing or not valid.
    """
    data, out = job.data, job.out
    is_taken = out.is_file() or (out.is_dir() and any(out.iterdir()) and not (out / "config.json").is_file())
    if is_taken or job.run.resolve().is_relative_to(out.resolve()):
        raise DataError(f"{out} holds something other than a checkpoint: choose another folder with --out.")
    rows = read_manifest(data)
    AcceleratorState._reset_state()  # an earlier stage may have used another precision
    is_cpu = job.device == "cpu" or not torch.cuda.is_available()
    use_bfloat16 = config.bfloat16 and is_bfloat16_fast("cpu" if is_cpu else "cuda")
    accelerator = Accelerator(mixed_precision="bf16" if use_bfloat16 else "no", cpu=job.device == "cpu")
    if accelerator.distributed_type in (DistributedType.FSDP, DistributedType.DEEPSPEED):
        raise DataError("Launch plain processes (torchrun, accelerate without FSDP), and set sharding = true.")
    log = accelerator.print
    if accelerator.is_main_process:
        check_stage_config(job, config)
    validation_rows = read_manifest(job.validation) if job.validation else []
    folder = (job.validation or data).parent
    if job.validation is None and config.evaluate_every:
        rows, validation_rows = split_validation(rows)
    if config.objective == "alignment":
        rows, validation_rows = one_per_recording(rows), []
    model, tokenizer, learner = _load_learner(job, config, str(accelerator.device), rows)
    dtype = model.llm.dtype
    rows, left_out = usable_rows(rows, learner, config)
    validation_rows = select_validation_rows(validation_rows, config)
    log(f"{len(rows)} rows to train on, {len(validation_rows)} to choose the best state by. {left_out}")
    name = out.name if out.name != "checkpoint" else job.run.name
    tasks = {*model.config.tasks, *(row.task for row in rows)}
    model.config = dataclasses.replace(model.config, name=name, tasks=tuple(t for t in TASKS if t in tasks))
    trained = sum(p.numel() for group in learner.groups() for p in group.parameters)
    log(f"{trained:,} of {sum(p.numel() for p in model.parameters()):,} parameters train: {', '.join(config.trains)}.")
    features = FeatureExtractor(model, data.parent, job.cache, bfloat16=use_bfloat16)
    batches = BatchSampler(rows, config.batch_size, config.seed, config.together)
    setup = TrainingSetup(learner, batches, features, config, accelerator)
    measure = None
    if validation_rows and isinstance(learner, Learner):
        measure = _validation_function(Validation(validation_rows, folder, log), setup, job, model, tokenizer)
    state = train_stage(setup, job.run, measure)
    if accelerator.is_main_process:
        if setup.is_sharded:  # this process holds only a shard: load the saved state into an unsharded learner
            trained_config = model.config
            model, tokenizer, learner = _load_learner(job, config, "cpu", rows)
            model.config = trained_config
            restore(job.run, learner, BEST if (job.run / BEST).is_file() else RESUME)
        _write(out, job.start, learner, model.eval(), tokenizer, dtype)
        log(f"Checkpoint written to {out}.")
        if measure and not state.best:
            log(
                "Its validation score is 0.0: no answer to the validation rows was even partly right, so do not expect"
                " it to work. Train for longer, lower learning_rate, or check the captions and times of the manifest."
            )
    return state


def _validation_function(
    validation: Validation, setup: TrainingSetup, job: TrainingJob, model: TimeAudio, tokenizer: Tokenizer
) -> Callable[[], float]:
    """Return the function that scores the learner on the validation rows."""
    assert isinstance(setup.learner, Learner)
    if setup.is_sharded:
        return validation.measure_unsharded(setup, partial(_load_answering_learner, job, setup.config))
    return partial(validation.measure, model, tokenizer, setup.learner)


def _load_answering_learner(job: TrainingJob, config: StageConfig, device: str) -> tuple[TimeAudio, Tokenizer, Learner]:
    model, tokenizer, learner = _load_learner(job, config, device, ())
    assert isinstance(learner, Learner)
    return model, tokenizer, learner


def _load_learner(
    job: TrainingJob, config: StageConfig, device: str, rows: Sequence[Row]
) -> tuple[TimeAudio, Tokenizer, Learner | Aligner]:
    """Load the checkpoint as the stage starts with it, the same in every process.

    An alignment takes its labels from `rows`.
    """
    model, tokenizer = load_checkpoint(job.start, device=device)
    torch.manual_seed(config.seed)  # the adapters are initialised at random
    apply_stage_settings(model, tokenizer, config)
    if config.objective == "alignment":
        return model, tokenizer, Aligner(model, tokenizer, config, rows)
    return model, tokenizer, Learner(model, tokenizer, config)


def check_stage_config(job: TrainingJob, config: StageConfig) -> None:
    """Record a run's data, start checkpoint and stage in its folder.

    Raises:
        DataError: the folder holds a run with other settings.
    """
    data = hashlib.sha256(job.data.read_bytes()).hexdigest()
    settings = {"data": data, "from": str(job.start.resolve()), **dataclasses.asdict(config)}
    check_run_config(job.run / "run.json", settings)


def split_validation(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Split off a tenth of the recordings, with all their rows, for validation, by a hash of their names."""
    names = sorted({row.audio for row in rows}, key=lambda name: hashlib.sha256(Path(name).name.encode()).digest())
    chosen = set(names[: max(1, round(VALIDATION_SHARE * len(names)))]) if len(names) > 1 else set()
    return [row for row in rows if row.audio not in chosen], [row for row in rows if row.audio in chosen]


def select_validation_rows(validation_rows: Sequence[Row], config: StageConfig) -> list[Row]:
    """Return the held-out rows to measure on, chosen by a hash of their ids, which mixes the tasks."""
    short = [row for row in validation_rows if (row.duration or 0.0) <= config.most_seconds]
    return sorted(short, key=lambda row: hashlib.sha256(row.id.encode()).digest())[: config.validation_rows]


def usable_rows(rows: Sequence[Row], learner: Learner | Aligner, config: StageConfig) -> tuple[list[Row], str]:
    """Return the rows that the stage trains on, and a sentence on those left out. Cut rows would have wrong answers.

    Raises:
        DataError: no row is left.
    """
    candidates = [row for row in rows if config.absent_queries or row.task != "ground" or row.events]
    short = [row for row in candidates if (row.duration or 0.0) <= config.most_seconds]
    kept = [row for row in short if len(learner.example(row).answer) <= config.most_text_tokens]
    if not kept:
        raise DataError(
            f"None of {len(rows)} rows has at most {config.most_seconds:g} s and an answer of at most"
            f" {config.most_text_tokens} tokens: raise most_seconds or most_text_tokens with --set."
        )
    long = len(candidates) - len(short)
    left_out = f"Left out: {long} over {config.most_seconds:g} s, {len(short) - len(kept)} with too long an answer."
    if not config.absent_queries:
        left_out = f"{left_out[:-1]}, {len(rows) - len(candidates)} absent queries."
    return kept, left_out


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


def resolve_checkpoint(name: str) -> Path:
    """Return a checkpoint directory; `timeaudio-small` is the embedded one."""
    return EMBEDDED if name == EMBEDDED.name and not Path(name).is_dir() else Path(name)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    keep_freed_memory()
    arguments = parse(argv)
    run = arguments.run or Path("runs") / Path(arguments.stage).stem
    try:
        job = TrainingJob(
            data=arguments.data, start=resolve_checkpoint(arguments.start), run=run, cache=arguments.cache,
            out=arguments.out or run / "checkpoint", validation=arguments.validation, device=arguments.device,
        )  # fmt: skip
        run_stage(job, load_stage(arguments.stage, arguments.set))
    except (ConfigError, DataError, ManifestError, TimeAudioError, OSError, ValueError, FloatingPointError) as error:
        print(f"timeaudio train: {error}", file=sys.stderr)
        return 2
    except Stopped as stop:
        print(f"timeaudio train: {stop}. Run the same command again to resume.", file=sys.stderr)
        return stop.status
    except KeyboardInterrupt:  # while it was loading or writing
        print("timeaudio train: stopped. Run the same command again to resume.", file=sys.stderr)
        return 130
    return 0
