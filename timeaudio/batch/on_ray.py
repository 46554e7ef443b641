"""The same batch on a Ray cluster: one actor for each device, each with a server of its own beside it.

The server decodes in processes on the actor's CPUs, batches what it is asked at once, and hears long recordings in
several passes; nothing of that is done again here. Ray spreads paths over actors and starts lost ones again. The files
and the checkpoint must be at the same path on every node.

Rows come back as they are made and are written by this process alone, into the same journal as without Ray: what Ray
runs twice, after an actor's death, still has one row.
"""

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import ray
import ray.data

from timeaudio.batch.account import Account
from timeaudio.batch.asked import Asked
from timeaudio.batch.hearing import hear
from timeaudio.batch.journal import Journal
from timeaudio.batch.serving import Own

_CPUS = 2  # of an actor: its decoders; a model on the CPU takes what is left of the node


class Actor:
    """A server, and what asks it. Its death ends the server too."""

    def __init__(self, asked: Asked, model: Path | None, device: str, at_once: int) -> None:
        self._asked = asked
        self._serving = Own(model, device, places=at_once)
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._serving.revive())

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Rows for a batch of paths, heard at once. Columns, as Ray wants them: lists of equal length."""
        return {"row": self._loop.run_until_complete(self._hear(list(batch["path"])))}

    async def _hear(self, paths: list[str]) -> list[dict[str, Any]]:
        return await asyncio.gather(*(hear(str(path), self._asked, self._serving) for path in paths))


def hear_on_ray(
    paths: Iterable[str],
    asked: Asked,
    journal: Journal,
    account: Account,
    *,
    model: Path | None,
    device: str,
    at_once: int,
) -> None:
    """Give every path a row. `device`: `cpu` or `cuda`; there are as many actors as the cluster has of them.

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
    num_blocks = max(num_actors, len(todo) // (4 * at_once))  # what is lost with an actor is heard again: keep it short
    data = ray.data.from_items([{"path": path} for path in todo], override_num_blocks=num_blocks)
    heard = data.map_batches(
        Actor,
        fn_constructor_args=(asked, model, "cuda" if on_gpu else "cpu", at_once),
        batch_size=at_once,
        concurrency=num_actors,
        num_cpus=_CPUS if resources.get("CPU", 1) >= _CPUS else 1,
        num_gpus=1 if on_gpu else 0,
    )
    # Not `iter_rows`: it holds a block back until the next one is there, and what was heard must be written at once.
    for table in heard.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
        for said in table["row"].to_pylist():
            if said["path"] not in journal.done:
                journal.write(said)
                account.add(said)
