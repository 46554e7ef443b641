"""Analyse the recordings that have no row yet, several at once, and write a row for each."""

import asyncio
import math
import time
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from timeaudio.async_client import AsyncClient
from timeaudio.batch.journal import Journal
from timeaudio.batch.recorded_at import recorded_at
from timeaudio.batch.row_counts import RowCounts
from timeaudio.batch.servers import BatchServer
from timeaudio.batch.task_spec import TaskSpec
from timeaudio.console import complain
from timeaudio.errors import ApiError, ServerUnreachable, UnexpectedAnswer
from timeaudio.requests import RetryPolicy

MOST_TRIES = 3
"""How many times the server may die while it has a recording in flight, before that recording fails."""
ANSWER_TIMEOUT_S = 11_000.0
"""Longer than a server takes, so that it ends a request, not this side: two hours of sound get 7,500 s by default, and
10,800 s from a batch's own server."""
NO_MEMORY_FOR_S = 60.0
"""How long to retry when the device of the model has no memory: this recording may be the cause."""
NOT_READY_FOR_S = 3600.0
"""How long to retry after another 503, such as that of a server whose worker died."""
TELL_AFTER_S = 60.0
FULL, UNAUTHORIZED = 429, 401


def run_all(
    paths: Iterable[str], task_spec: TaskSpec, journal: Journal, counts: RowCounts, server: BatchServer, *, at_once: int
) -> None:
    """Write a row for every path, with `at_once` requests at a time. Without a path the server is not started.

    Raises:
        ClientError: the server is gone, or refused the API key; the rows so far are kept.
        OSError: the disk is full, or gone; the rows so far are kept.
    """

    async def run() -> None:
        try:
            unread = iter(paths)
            first = next(unread, None)
            if first is None:
                return
            await server.revive()
            waiting = chain([first], unread)
            async with asyncio.TaskGroup() as group:
                for _ in range(at_once):
                    group.create_task(work(waiting))
        finally:
            await server.close()

    async def work(waiting: Iterator[str]) -> None:
        for path in waiting:  # a shared iterator: each task takes the next path
            row = await answer_one(path, task_spec, server)
            journal.write(row)
            counts.add(row)

    try:
        asyncio.run(run())
    except* Exception as errors:
        raise errors.exceptions[0] from None  # a group would hide its reason


async def answer_one(path: str, task_spec: TaskSpec, server: BatchServer) -> dict[str, Any]:
    """Return the row of one recording. It waits for a full server as long as it takes.

    Raises:
        ClientError: the server is gone, or refused the API key.
    """
    num_deaths = 0
    refusals = _Refusals(path)
    while True:
        try:
            async with AsyncClient(server.url, timeout=ANSWER_TIMEOUT_S, retry_for_s=0.0) as client:
                answer = await task_spec.of(client, _file(path))
        except ApiError as error:
            if error.status == UNAUTHORIZED:
                raise  # it would fail every recording, so no recording gets a row for it
            try:
                wait_s = refusals.wait_s(error)
            except ApiError:
                server.answered()
                return failed(path, _slug(error), str(error))
            await asyncio.sleep(wait_s)
            await server.revive()  # it may be shutting down
        except ServerUnreachable:
            num_deaths += 1
            if num_deaths == MOST_TRIES:
                died = f"The server died {MOST_TRIES} times while it analysed this recording."
                return failed(path, "server-lost", died)
            await server.revive()
        except UnexpectedAnswer as error:
            return failed(path, "unexpected-answer", str(error))
        except OSError as error:
            return failed(path, "unreadable", error.strerror or str(error))
        else:
            server.answered()
            found = {"recorded_at": recorded_at(Path(path)), "answer": answer.model_dump(mode="json")}
            return {"path": path, "status": "ok", **found}


def failed(path: str, error: str, detail: str) -> dict[str, Any]:
    """Return the row of a failed recording. `error` is the slug of the server's problem, or a word of this package."""
    return {"path": path, "status": "failed", "error": error, "detail": detail}


def _slug(error: ApiError) -> str:
    return error.type.rpartition(":")[2]


def _file(path: str) -> Path:
    """Return the path. Raises: OSError, if it is a pipe: nobody may ever write to it."""
    if (file := Path(path)).is_fifo():
        raise OSError("it is a pipe, not a file")
    return file


class _Refusals:
    """How long to wait for a server that refuses a recording. Tells the user once, if it takes long."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._policies: dict[float, RetryPolicy] = {}
        self._tell_at: float | None = None

    def wait_s(self, error: ApiError) -> float:
        """Return the seconds to wait before the next try.

        Raises:
            ApiError: `error`, if a retry cannot help, or none has helped for too long.
        """
        patience_s = NO_MEMORY_FOR_S if _slug(error) == "out-of-memory" else NOT_READY_FOR_S
        if error.status == FULL:
            patience_s = math.inf
        wait_s = self._policies.setdefault(patience_s, RetryPolicy(patience_s)).wait_s(error)
        now = time.monotonic()
        self._tell_at = self._tell_at or now + TELL_AFTER_S
        if now >= self._tell_at:
            self._tell_at = math.inf
            complain(f"{self._path}: still waiting. The server says: {error}")
        return wait_s
