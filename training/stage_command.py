"""Train one stage on a manifest, from any checkpoint: `timeaudio train --data MANIFEST --from CHECKPOINT`."""

import dataclasses
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType

from model.checkpoint import EMBEDDED
from model.errors import TimeAudioError
from model.hub import fetch_checkpoint, fetch_pretrained, shown
from model.language.tokenizer import Tokenizer
from model.malloc import keep_freed_memory
from model.precision import fastest_dtype
from model.timeaudio import TimeAudio
from model.timeline.task import TASKS
from training.blend import Blend
from training.data.manifest import ManifestError, Row
from training.data.recordings import DataError
from training.guarded_validation import GuardedValidation
from training.job import TrainingJob, check_job, check_stage_config
from training.learner import Learner
from training.mixtures import mix_clips, mix_known
from training.options.train import parse
from training.out_of_fold import load_out_of_fold
from training.outcome import keeps_start, remark
from training.rehearsal import MixedBatches
from training.run_file import ConfigError
from training.run_state import BEST, RESUME, RunState, restore
from training.stage_data import BatchSampler, FeatureExtractor
from training.stage_loop import train_stage
from training.stage_rows import own_rows, rehearsal_rows, rows_of_objective, select_validation_rows, usable_rows
from training.stages import StageConfig, load_stage
from training.start import load_learner
from training.stop_signals import Stopped
from training.trained_module import TrainedModule
from training.training_setup import TrainingSetup
from training.validation import Validation
from training.written_checkpoint import write_checkpoint

MISTAKES = (ConfigError, DataError, ManifestError, TimeAudioError, OSError, ValueError, FloatingPointError)
"""Exceptions that a stage raises for a mistake in its input or its settings."""

KEPT_START = 3
"""Exit status if a stage that rehearses found no state better than its start."""


def run_stage(job: TrainingJob, config: StageConfig) -> RunState:
    """Train one stage on a manifest and write the checkpoint, unless the stage keeps its start (`keeps_start`).

    Raises:
        ManifestError, DataError, CheckpointError: an input is missing or not valid.
        Stopped: SIGINT or SIGTERM arrived; the state is saved.
    """
    check_job(job, config)
    rows, validation_rows = own_rows(job.data, job.validation, config)
    accelerator = _accelerator(job, config)
    log = accelerator.print
    rows = rows_of_objective(rows, config)
    if config.objective != "answers":
        validation_rows = []
    is_bfloat16 = accelerator.mixed_precision == "bf16"
    model, tokenizer, learner = load_learner(job, config, str(accelerator.device), rows, bfloat16=is_bfloat16)
    rows += _out_of_fold_rows(job, config, {row.audio for row in rows}, model, learner)
    dtype = model.llm.dtype
    rows, left_out = usable_rows(rows, learner, config)
    validation_rows = select_validation_rows(validation_rows, config)
    if accelerator.is_main_process:  # only now: a mistake that was found above must not claim the folder
        check_stage_config(job, config)
    log(f"{len(rows)} rows to train on, {len(validation_rows)} to choose the best state by. {left_out}")
    batches: BatchSampler | MixedBatches = BatchSampler(rows, config.batch_size, config.seed, config.together)
    known_validation: list[Row] = []
    if config.rehearsal_share:
        known, known_validation = rehearsal_rows(job.rehearse, model.config.tasks, learner, config)
        with accelerator.main_process_first():
            mixed = mix_clips(rows, known, job.run / "mixtures", config)
            mixed_known = mix_known(known, job.run / "mixtures" / "known", config)
        batches = MixedBatches([*rows, *mixed], [*known, *mixed_known], config)
        log(
            f"{len(known)} rows and {len(mixed_known)} mixtures rehearse what {shown(job.start)} knows, and"
            f" {len(known_validation)} rows check it. {len(mixed)} more rows mix your clips with known sounds."
        )
    _name(model, job, rows)
    trained = sum(p.numel() for group in learner.groups() for p in group.parameters)
    log(f"{trained:,} of {sum(p.numel() for p in model.parameters()):,} parameters train: {', '.join(config.trains)}.")
    features = FeatureExtractor(model, job.data.parent, job.cache, bfloat16=is_bfloat16)
    setup = TrainingSetup(learner, batches, features, config, accelerator)
    measure, blend = None, None
    if known_validation:
        blend = Blend(learner, config.blend)
        measure = GuardedValidation(setup, blend, validation_rows, known_validation, job.run, log).measure
    elif validation_rows and isinstance(learner, Learner):
        measure = _validation_function(Validation(validation_rows, job.data.parent, log), setup, job, model, tokenizer)
    state = train_stage(setup, job.run, measure)
    if accelerator.is_main_process and not keeps_start(state, config):
        if setup.is_sharded:  # this process holds only a shard: load the saved state into an unsharded learner
            trained_config = model.config
            model, tokenizer, learner = load_learner(job, config, "cpu", rows)
            model.config = trained_config
            restore(job.run, learner, BEST if (job.run / BEST).is_file() else RESUME)
        elif blend:
            blend.apply()
        write_checkpoint(job.out, job.start, learner, model.eval(), tokenizer, dtype)
        log(f"Checkpoint written to {job.out}.")
        if measure:
            log(remark(state, config))
    return state


def _out_of_fold_rows(
    job: TrainingJob, config: StageConfig, own: set[str], model: TimeAudio, learner: TrainedModule
) -> list[Row]:
    """Return the rows whose audio tokens come from another connector, and give that connector to the learner."""
    if not (job.out_of_fold and job.imitation and isinstance(learner, Learner)):
        return []
    device = next(model.parameters()).device
    rows, learner.out_of_fold = load_out_of_fold(job.out_of_fold, job.imitation, own, model, config, device)
    return rows


def _accelerator(job: TrainingJob, config: StageConfig) -> Accelerator:
    AcceleratorState._reset_state()  # an earlier stage may have used another precision
    is_cpu = job.device == "cpu" or not torch.cuda.is_available()
    use_bfloat16 = config.bfloat16 and fastest_dtype("cpu" if is_cpu else "cuda") is torch.bfloat16
    accelerator = Accelerator(mixed_precision="bf16" if use_bfloat16 else "no", cpu=job.device == "cpu")
    if accelerator.distributed_type in (DistributedType.FSDP, DistributedType.DEEPSPEED):
        raise DataError("Launch plain processes (torchrun, accelerate without FSDP), and set sharding = true.")
    return accelerator


def _name(model: TimeAudio, job: TrainingJob, rows: Sequence[Row]) -> None:
    """Name the model after its folder, and add the tasks that it trains on to those that it answers."""
    name = job.out.name if job.out.name != "checkpoint" else job.run.name
    tasks = {*model.config.tasks, *(row.task for row in rows)}
    if model.transcriber is not None:
        tasks.add("summarize")
    model.config = dataclasses.replace(model.config, name=name, tasks=tuple(t for t in TASKS if t in tasks))


def _validation_function(
    validation: Validation, setup: TrainingSetup, job: TrainingJob, model: TimeAudio, tokenizer: Tokenizer
) -> Callable[[], float]:
    """Return the function that scores the learner on the validation rows."""
    assert isinstance(setup.learner, Learner)
    if setup.is_sharded:
        return validation.measure_unsharded(setup, partial(_load_answering_learner, job, setup.config))
    return partial(validation.measure, model, tokenizer, setup.learner)


def _load_answering_learner(job: TrainingJob, config: StageConfig, device: str) -> tuple[TimeAudio, Tokenizer, Learner]:
    model, tokenizer, learner = load_learner(job, config, device, ())
    assert isinstance(learner, Learner)
    return model, tokenizer, learner


def resolve_checkpoint(name: str) -> Path:
    """Return a checkpoint directory; `timeaudio-small` is the embedded one, and a name on the hub is fetched.

    Raises:
        CheckpointError: it cannot be fetched.
    """
    return EMBEDDED if name == EMBEDDED.name and not Path(name).is_dir() else fetch_checkpoint(Path(name))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    keep_freed_memory()
    arguments = parse(argv)
    run = arguments.run or Path("runs") / Path(arguments.stage).stem
    try:
        config = load_stage(arguments.stage, arguments.set)
        cache = arguments.cache or (run / "frames" if config.rehearsal_share else None)
        job = TrainingJob(
            data=arguments.data, start=resolve_checkpoint(arguments.start), run=run, cache=cache,
            out=arguments.out or run / "checkpoint", validation=arguments.validation, device=arguments.device,
            rehearse=arguments.rehearse, out_of_fold=arguments.out_of_fold,
            imitation=resolve_checkpoint(arguments.imitation) if arguments.imitation else None,
            encoders=resolve_checkpoint(arguments.encoders) if arguments.encoders else None,
            lexicon=arguments.lexicon,
            whisper=fetch_pretrained(arguments.whisper) if arguments.whisper else None,
        )  # fmt: skip
        state = run_stage(job, config)
    except MISTAKES as error:
        print(f"timeaudio train: {error}", file=sys.stderr)
        return 2
    except Stopped as stop:
        print(f"timeaudio train: {stop}. Run the same command again to resume.", file=sys.stderr)
        return stop.status
    except KeyboardInterrupt:  # while it was loading or writing
        print("timeaudio train: stopped. Run the same command again to resume.", file=sys.stderr)
        return 130
    if keeps_start(state, config):
        print(
            f"timeaudio train: no state was better than {shown(job.start)} on your held-out clips without forgetting"
            " what it knew, so no checkpoint was written. Add clips, check their captions and times, or allow more"
            " with --set most_forgotten=0.1 and another --run.", file=sys.stderr,
        )  # fmt: skip
        return KEPT_START
    return 0
