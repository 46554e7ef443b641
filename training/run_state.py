"""Save and restore the state of a run: its settings, the trained tensors (not the frozen ones) and the optimizer.

Sharded tensors are saved whole, so a run can continue with another number of processes.
"""

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from training.data.recordings import DataError
from training.sharding import gather, load_gathered
from training.trained_module import TrainedModule

RESUME = "resume.pt"
BEST = "best.pt"

Writes = Literal["yes", "gathers", "no"]


@dataclass(slots=True)
class RunState:
    """Progress of a run.

    Attributes:
        step: the number of steps taken.
        best: the best measurement so far.
        measured: the step after which the run was last measured; -1: never.
        best_step: the step after which the measurement was best.
    """

    step: int = 0
    best: float = float("-inf")
    measured: int = -1
    best_step: int = 0


def check_run_config(path: Path, settings: Mapping[str, object]) -> None:
    """Record a run's settings in a file of its folder, so that a run with other settings cannot continue there.

    Settings that the file does not have, because an older version wrote it, are not compared.

    Raises:
        DataError: the folder holds a run with other settings; the message says which differ.
    """
    current: dict[str, object] = json.loads(json.dumps(settings))
    if path.is_file():
        recorded = json.loads(path.read_text(encoding="utf-8"))
        differ = [name for name, value in current.items() if name in recorded and recorded[name] != value]
        if differ:
            what = ", ".join(differ)
            raise DataError(
                f"{path.parent} holds a run that differs in {what}: name another folder with --run, or delete it."
            )
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(current, indent=2) + "\n", encoding="utf-8")


def trained_state(learner: TrainedModule) -> dict[str, Tensor]:
    """Return the tensors that training changes. If the learner is sharded, every process must call this."""
    state: dict[str, Tensor] = gather({name: p for name, p in learner.named_parameters() if p.requires_grad})
    return state


def load_trained(learner: TrainedModule, trained: dict[str, Tensor]) -> None:
    """Load the tensors of `trained_state` into a learner that is not sharded."""
    parameters = dict(learner.named_parameters())
    with torch.no_grad():
        for key, tensor in trained.items():
            parameters[key].copy_(tensor)


def save(
    path: Path, learner: TrainedModule, optimizer: torch.optim.Optimizer | None, state: RunState, writes: Writes
) -> None:
    """Write to a temporary file, then rename it: a run that is killed while saving keeps its last state."""
    if writes == "no":
        return
    body = {**dataclasses.asdict(state), "learner": trained_state(learner)}
    if optimizer is not None:
        body["optimizer"] = gather(optimizer.state_dict())
    if writes == "yes":
        torch.save(body, path.with_suffix(".part"))
        os.replace(path.with_suffix(".part"), path)


def restore(run: Path, learner: TrainedModule, name: str = RESUME) -> RunState:
    """Load a run's state into a learner that is not sharded. A run without a saved state starts at step 0."""
    path = run / name
    if not path.is_file():
        return RunState()
    stored = torch.load(path, weights_only=True, map_location="cpu")
    load_trained(learner, stored["learner"])
    known = {field.name for field in dataclasses.fields(RunState)}
    return RunState(**{"measured": stored["step"]} | {name: stored[name] for name in known & stored.keys()})


def load_optimizer(run: Path, optimizer: torch.optim.Optimizer) -> None:
    """Load a run's state into the optimizer, sharded or not."""
    if (run / RESUME).is_file():
        load_gathered(optimizer, torch.load(run / RESUME, weights_only=True, map_location="cpu")["optimizer"])
