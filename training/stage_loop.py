"""The training loop of a stage, in one process or several (`accelerate launch`, `torchrun`).

A step's examples are divided among the processes, and each process computes its share in micro-batches. Every loss is
divided by the weight of the whole step, so neither the number of processes nor the micro-batch size changes the result.
"""

import contextlib
import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from training.learner import Learner
from training.parameter_group import ParameterGroup
from training.run_log import RunLog
from training.run_state import BEST, RunState, load_optimizer, restore, save
from training.sharding import gather, set_gradient_sync, shard
from training.speed import StepTimer
from training.stage_data import lengths
from training.stages import StageConfig
from training.state_saver import StateSaver
from training.stop_signals import StopSignals
from training.training_setup import TrainingSetup


def learning_rate_at(step: int, config: StageConfig, steps: int) -> float:
    """Return the learning rate: linear warm-up to the full rate, then half a cosine to the final rate."""
    warm = min(config.warmup_steps, steps)
    if step < warm:
        return config.warmup_learning_rate + (config.learning_rate - config.warmup_learning_rate) * step / warm
    progress = (step - warm) / max(1, steps - 1 - warm)
    falling = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return config.final_learning_rate + (config.learning_rate - config.final_learning_rate) * falling


def train_stage(setup: TrainingSetup, run: Path, measure: Callable[[], float] | None) -> RunState:
    """Train from the state in `run` to the stage's last step; the learner ends in its best state.

    A sharded learner ends in its last state and stays sharded; use `restore` to load the best into another learner.
    `measure` scores the learner on the validation rows: higher is better. Every process calls it.

    Raises:
        ValueError: a step's examples cannot be divided evenly among the processes.
        Stopped: SIGINT or SIGTERM arrived; the state after the current step is saved.
    """
    learner, batches, config, accelerator = setup.learner, setup.batches, setup.config, setup.accelerator
    count = accelerator.num_processes
    if config.batch_size % count:
        raise ValueError(f"batch_size {config.batch_size} must be a multiple of the number of processes, {count}.")
    steps = config.steps or max(1, round(config.epochs * batches.steps_per_epoch))
    state, groups, optimizer, module = _start(setup, run)
    timer = StepTimer(learner, setup.features, accelerator)
    run.mkdir(parents=True, exist_ok=True)
    with (
        RunLog(run, state.step, steps, is_main=accelerator.is_main_process) as log,
        StopSignals(state.step) as stop,
    ):
        saver = StateSaver(setup, run, optimizer, stop)
        while True:
            is_last = state.step >= steps
            if measure and state.measured != state.step and _is_measured(state.step, is_last, config):
                with stop.at_once():
                    value = measure()
                log.write(max(0, state.step - 1), {"metric": value})
                state.measured = state.step
                if _is_better(value, state, config):
                    state.best, state.best_step = value, state.step
                    save(run / BEST, learner, None, state, setup.writes)
                saver.save(state)
            if is_last or _is_out_of_patience(state, config):
                break
            figures = _update(state.step, module, groups, optimizer, setup, timer, steps)
            log.write(state.step, figures)
            state.step += 1
            will_measure = measure is not None and _is_measured(state.step, state.step == steps, config)
            saver.step_done(state, must_save=will_measure or state.step == steps)
    accelerator.wait_for_everyone()
    if not setup.is_sharded:
        restore(run, learner, BEST)
    return state


def _is_measured(step: int, is_last: bool, config: StageConfig) -> bool:
    """Return whether a state is measured. A stage that rehearses also measures its start, to compare with it."""
    is_due = is_last or step % max(1, config.evaluate_every) == 0
    return bool(config.evaluate_every) and is_due and (step > 0 or config.rehearsal_share > 0)


def _is_better(value: float, state: RunState, config: StageConfig) -> bool:
    """Return whether the state is the best so far. A tie counts (it has seen more data), unless the stage rehearses."""
    return value > state.best or (value == state.best and not config.rehearsal_share)


def _is_out_of_patience(state: RunState, config: StageConfig) -> bool:
    waited = state.measured - state.best_step
    return bool(config.patience) and state.measured >= 0 and waited >= config.patience * config.evaluate_every


def _start(
    setup: TrainingSetup, run: Path
) -> tuple[RunState, list[ParameterGroup], torch.optim.Optimizer, torch.nn.Module]:
    """Return the run's state, the parameter groups, the optimizer and the module to call, ready for all processes."""
    learner, config, accelerator = setup.learner, setup.config, setup.accelerator
    state = restore(run, learner)
    if setup.is_sharded:
        assert isinstance(learner, Learner), "an alignment is never sharded"
        shard(learner.to(accelerator.device), accelerator.num_processes)
    groups = learner.groups()
    optimizer: torch.optim.Optimizer = torch.optim.AdamW(
        [
            {"params": list(g.parameters), "scale": g.scale, "weight_decay": config.weight_decay * g.weight_decay}
            for g in groups
        ],
        lr=config.learning_rate,
        betas=config.betas,
    )
    load_optimizer(run, optimizer)
    learner.train()
    if setup.is_sharded:
        return state, groups, optimizer, learner
    module, optimizer = accelerator.prepare(learner, optimizer)
    return state, groups, optimizer, module


def _update(
    step: int, module: torch.nn.Module, groups: list[ParameterGroup], optimizer: torch.optim.Optimizer,
    setup: TrainingSetup, timer: StepTimer, steps: int,
) -> dict[str, float]:  # fmt: skip
    """Take one step and return its figures."""
    config, accelerator = setup.config, setup.accelerator
    torch.manual_seed(config.seed * 1_000_003 + step * accelerator.num_processes + accelerator.process_index)
    rate = learning_rate_at(step, config, steps)
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"]
    timer.begin()
    loss = _step(step, module, setup, timer)
    norm = gather(accelerator.clip_grad_norm_(_parameters(groups), config.clip_norm))
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    if not torch.isfinite(loss):
        raise FloatingPointError(
            f"The loss is {loss.item()} at step {step}: start a new --run with a lower learning_rate."
        )
    figures = timer.end(config.batch_size)
    return {"loss": float(loss), "norm": float(norm or 0.0), "learning_rate": rate, **figures}


def _step(step: int, module: torch.nn.Module, setup: TrainingSetup, timer: StepTimer) -> Tensor:
    """Compute the gradients of one step. Return its loss over all processes."""
    learner, batches, features, config = setup.learner, setup.batches, setup.features, setup.config
    accelerator = setup.accelerator
    rows = batches.at(step)
    # Each kind of learner takes its own kind of example.
    total_weight = learner.loss_weight([learner.example(row) for row in rows])  # type: ignore[misc]
    own = rows[accelerator.process_index :: accelerator.num_processes]
    features.prefetch(own)
    parts = [own[at : at + config.micro_batch_size] for at in range(0, len(own), config.micro_batch_size)]
    total = torch.zeros((), device=accelerator.device)
    for place, part in enumerate(parts):
        frames = features.frames(part)
        timer.features_ready()
        examples = [learner.example(row) for row in part]
        samples = lengths(part)
        with _gradient_sync(setup, module, is_last=place == len(parts) - 1), accelerator.autocast():
            loss = module(frames, samples, examples) / total_weight
            # Processes average their gradients, but the step needs their sum.
            accelerator.backward(loss * accelerator.num_processes)
        total += loss.detach()
        timer.micro_batch_done(frames)
    features.prefetch(batches.at(step + 1)[accelerator.process_index :: accelerator.num_processes])
    reduced: Tensor = accelerator.reduce(total, "sum")
    return reduced


def _gradient_sync(
    setup: TrainingSetup, module: torch.nn.Module, *, is_last: bool
) -> contextlib.AbstractContextManager[None]:
    """Reduce gradients across processes only once a step, with the last micro-batch."""
    if setup.is_sharded:
        set_gradient_sync(module, now=is_last)
    return contextlib.nullcontext() if is_last or setup.is_sharded else setup.accelerator.no_sync(module)


def _parameters(groups: list[ParameterGroup]) -> list[torch.nn.Parameter]:
    return [parameter for group in groups for parameter in group.parameters]
