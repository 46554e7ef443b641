"""Run a batch on a Ray cluster: one actor per device, each with its own server.

The server decodes on the actor's CPUs, batches concurrent requests, and splits long recordings into passes; this module
repeats none of that. Ray spreads paths over actors and restarts lost ones. The files and the checkpoint must be at the
same path on every node; a checkpoint on the hub is fetched by each.

This process alone writes rows, as they arrive, into the same journal as without Ray. A path that Ray runs twice, after
an actor's death, still gets one row.
"""

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import ray
import ray.data

from timeaudio.batch.journal import Journal
from timeaudio.batch.row_counts import RowCounts
from timeaudio.batch.run import answer_one
from timeaudio.batch.servers import OwnServer
from timeaudio.batch.task_spec import TaskSpec

_CPUS = 2  # per actor, for its decoders; a model on the CPU uses the rest of the node


class Actor:
    """A server and its client. The server ends with the actor."""

    def __init__(self, task_spec: TaskSpec, model: Path | None, device: str, at_once: int) -> None:
        self._task_spec = task_spec
        self._server = OwnServer(model, device, places=at_once)
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._server.revive())

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Return rows for a batch of paths, sent at once, in columns as Ray expects: lists of equal length."""
        return {"row": self._loop.run_until_complete(self._analyse(list(batch["path"])))}

    async def _analyse(self, paths: list[str]) -> list[dict[str, Any]]:
        return await asyncio.gather(*(answer_one(str(path), self._task_spec, self._server) for path in paths))


def run_on_ray(
    paths: Iterable[str],
    task_spec: TaskSpec,
    journal: Journal,
    counts: RowCounts,
    *,
    model: Path | None,
    device: str,
    at_once: int,
) -> None:
    """Write a row for every path. `device` is `cpu` or `cuda`; the cluster's CPUs or GPUs bound the number of actors.

    Raises:
        ClientError, OSError: the journal cannot be written.
    """
    todo = list(paths)
    if not todo:
        return
    ray.init(address=os.environ.get("RAY_ADDRESS"), ignore_reinit_error=True, log_to_driver=False)
    on_gpu = device.startswith("cuda")
    resources = ray.cluster_resources()
    num_actors = max(1, int(resources.get("GPU", 0) if on_gpu else resources.get("CPU", 1) // _CPUS))
    num_blocks = max(num_actors, len(todo) // (4 * at_once))  # a lost actor repeats its block: keep it short
    data = ray.data.from_items([{"path": path} for path in todo], override_num_blocks=num_blocks)
    tables = data.map_batches(
        Actor,
        fn_constructor_args=(task_spec, model, "cuda" if on_gpu else "cpu", at_once),
        batch_size=at_once,
        concurrency=num_actors,
        num_cpus=_CPUS if resources.get("CPU", 1) >= _CPUS else 1,
        num_gpus=1 if on_gpu else 0,
    )
    # Not `iter_rows`: it holds a block back until the next arrives, but rows must be written at once.
    for table in tables.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
        for row in table["row"].to_pylist():
            if row["path"] not in journal.done:
                journal.write(row)
                counts.add(row)
