"""The training loop: every stage's, top to bottom.

A stage gives its trainable modules and a function from a step's number to its losses. Data are a pure function of the
step, so a run that is stopped and started again gives the very same numbers.
"""

import json
import math
import os
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from training.config import OptimConfig
from training.precision import is_bfloat16_fast


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters that share a learning rate; `scale` multiplies the run's."""

    parameters: Sequence[nn.Parameter]
    scale: float = 1.0
    weight_decay: bool = True


def groups_of(modules: Iterable[nn.Module]) -> list[Group]:
    """What trains of them: matrices with weight decay; biases, norms and lone vectors without."""
    parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
    return [
        Group([p for p in parameters if p.ndim > 1]),
        Group([p for p in parameters if p.ndim <= 1], weight_decay=False),
    ]


def learning_rate(step: int, config: OptimConfig) -> float:
    """Linear warm-up, then half a cosine down to the final rate at the last step."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    progress = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    falling = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return config.final_learning_rate + (config.learning_rate - config.final_learning_rate) * falling


def fit(
    modules: Mapping[str, nn.Module],
    groups: Sequence[Group],
    losses_of: Callable[[int], Mapping[str, Tensor]],
    config: OptimConfig,
    run: Path,
    *,
    title: str,
) -> None:
    """Train until `config.steps`, from wherever `run` stands.

    Args:
        modules: what is saved and restored, by name.
        groups: what trains.
        losses_of: step -> named losses, of which `loss` is differentiated.
        run: directory of the run: `resume.pt`, `log.jsonl`, TensorBoard events.
        title: what the progress bar says.

    Raises:
        FloatingPointError: the loss is not a number any more; the run keeps its last state.
    """
    run.mkdir(parents=True, exist_ok=True)
    optimizer = torch.optim.AdamW(
        [
            {"params": list(g.parameters), "scale": g.scale, "weight_decay": config.weight_decay * g.weight_decay}
            for g in groups
        ],
        lr=config.learning_rate,
        betas=config.betas,
    )
    device = next(iter(groups[0].parameters)).device.type
    trained = [p for g in groups for p in g.parameters]
    first = _restore(run, modules, optimizer)
    writer = SummaryWriter(str(run), purge_step=first)
    log = (run / "log.jsonl").open("a", encoding="utf-8")
    began = time.monotonic()
    bar = Progress(
        TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[shown]}"),
        TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    mean: dict[str, float] = {}
    with bar, log:
        task = bar.add_task(title, total=config.steps, completed=first, shown="")
        for step in range(first, config.steps):
            _seed(step)
            rate = learning_rate(step, config)
            for param_group in optimizer.param_groups:
                param_group["lr"] = rate * param_group["scale"]
            with torch.autocast(device, torch.bfloat16, enabled=config.bfloat16 and is_bfloat16_fast(device)):
                losses = losses_of(step)
            if not torch.isfinite(losses["loss"]):
                raise FloatingPointError(f"{title}: the loss is {losses['loss'].item()} at step {step}.")
            optimizer.zero_grad(set_to_none=True)
            losses["loss"].backward()
            norm = nn.utils.clip_grad_norm_(trained, config.clip_norm)
            optimizer.step()
            for name, loss in losses.items():
                value = loss.item()
                mean[name] = 0.98 * mean.get(name, value) + 0.02 * value
                writer.add_scalar(name, value, step)
            writer.add_scalar("learning_rate", rate, step)
            shown = " ".join(f"{name} {value:.4f}" for name, value in mean.items())
            bar.update(task, completed=step + 1, shown=shown)
            if step % 20 == 0:
                row = {"step": step, "seconds": round(time.monotonic() - began, 1), "norm": round(float(norm), 3)}
                log.write(json.dumps(row | {k: round(v, 4) for k, v in mean.items()}) + "\n")
                log.flush()
            if (step + 1) % config.save_every == 0 or step + 1 == config.steps:
                _save(run, modules, optimizer, step + 1)
    writer.close()


def _seed(step: int) -> None:
    """Dropout and masks are a function of the step too, so that a resumed run repeats them."""
    torch.manual_seed(step)
    random.seed(step)
    np.random.seed(step)  # noqa: NPY002 (libraries draw from it)


def _save(run: Path, modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer, step: int) -> None:
    """Write beside, then rename: a run that is killed while saving keeps its last state."""
    state = {
        "step": step,
        "modules": {name: module.state_dict() for name, module in modules.items()},
        "optimizer": optimizer.state_dict(),
    }
    torch.save(state, run / "resume.pt.part")
    os.replace(run / "resume.pt.part", run / "resume.pt")


def _restore(run: Path, modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer) -> int:
    path = run / "resume.pt"
    if not path.is_file():
        return 0
    state = torch.load(path, weights_only=True)
    for name, module in modules.items():
        module.load_state_dict(state["modules"][name])
    optimizer.load_state_dict(state["optimizer"])
    step: int = state["step"]
    return step
