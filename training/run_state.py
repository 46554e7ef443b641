"""Where a run stands, on disk: what it is of, what training changed, and the optimizer. Nothing frozen, so it is small.

Tensors are whole, however many processes share them: a run goes on with another number of processes.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from training.aligner import Aligner
from training.data.recordings import DataError
from training.learner import Learner
from training.sharding import load_whole, whole

RESUME = "resume.pt"
BEST = "best.pt"

Writes = Literal["yes", "gathers", "no"]


@dataclass(slots=True)
class State:
    """How far a run is: the next step, and the best measurement so far."""

    step: int = 0
    best: float = -1.0


def claim(path: Path, told: Mapping[str, object]) -> None:
    """Note in a file of a run's folder what the run is of, so that nothing else goes on in it by mistake.

    What an older version did not know of is taken to be as it was.

    Raises:
        DataError: it is of another run; the message says what differs.
    """
    mine: dict[str, object] = json.loads(json.dumps(told))
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        differ = [name for name, value in mine.items() if name in before and before[name] != value]
        if differ:
            what = ", ".join(differ)
            raise DataError(
                f"{path.parent} holds a run with other {what}: name another folder with --run, or delete it."
            )
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(mine, indent=2) + "\n", encoding="utf-8")


def trained_state(learner: Learner | Aligner) -> dict[str, Tensor]:
    """What training changes. Every process calls it where the learner is sharded."""
    state: dict[str, Tensor] = whole({name: p for name, p in learner.named_parameters() if p.requires_grad})
    return state


def load_trained(learner: Learner | Aligner, trained: dict[str, Tensor]) -> None:
    """The inverse of `trained_state`, for a learner that is not sharded."""
    parameters = dict(learner.named_parameters())
    with torch.no_grad():
        for key, tensor in trained.items():
            parameters[key].copy_(tensor)


def save(
    path: Path, learner: Learner | Aligner, optimizer: torch.optim.Optimizer | None, state: State, writes: Writes
) -> None:
    """Write beside, then rename: a run that is killed while saving keeps its last state."""
    if writes == "no":
        return
    body = {"step": state.step, "best": state.best, "learner": trained_state(learner)}
    if optimizer is not None:
        body["optimizer"] = whole(optimizer.state_dict())
    if writes == "yes":
        torch.save(body, path.with_suffix(".part"))
        os.replace(path.with_suffix(".part"), path)


def restore(run: Path, learner: Learner | Aligner, name: str = RESUME) -> State:
    """Put a run's state into a learner that is not sharded; a run without one is at its beginning."""
    path = run / name
    if not path.is_file():
        return State()
    stored = torch.load(path, weights_only=True, map_location="cpu")
    load_trained(learner, stored["learner"])
    return State(stored["step"], stored["best"])


def load_optimizer(run: Path, optimizer: torch.optim.Optimizer) -> None:
    """Put a run's state into the optimizer of what trains, sharded or not."""
    if (run / RESUME).is_file():
        load_whole(optimizer, torch.load(run / RESUME, weights_only=True, map_location="cpu")["optimizer"])
