"""Analyse the recordings that have no row yet, several at once, and write a row for each."""

import asyncio
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
from timeaudio.errors import ApiError, ClientError, ServerUnreachable, UnexpectedAnswer

MOST_TRIES = 3
"""How many times the server may die while it has a recording in flight, before that recording fails."""
PATIENCE_S = 3600.0
BUSY = frozenset({429, 503})
UNAUTHORIZED = 401


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
    except* (ClientError, OSError) as errors:
        raise errors.exceptions[0] from None


async def answer_one(path: str, task_spec: TaskSpec, server: BatchServer) -> dict[str, Any]:
    """Return the row of one recording.

    Raises:
        ClientError: the server is gone, or refused the API key.
    """
    died = f"The server died {MOST_TRIES} times while it analysed this recording."
    error_row = failed(path, "server-lost", died)
    for number in range(1, MOST_TRIES + 1):
        try:
            async with AsyncClient(server.url, timeout=PATIENCE_S, retry_for_s=PATIENCE_S) as client:
                answer = await task_spec.of(client, Path(path))
        except ApiError as error:
            if error.status == UNAUTHORIZED:
                raise  # it would fail every recording, so no recording gets a row for it
            if error.status not in BUSY:
                server.answered()
                return failed(path, error.type.rpartition(":")[2], str(error))
            error_row = failed(path, error.type.rpartition(":")[2], str(error))
            await server.revive()  # it stayed busy, or is shutting down
        except ServerUnreachable:
            error_row = failed(path, "server-lost", died)
            if number == MOST_TRIES:
                break
            await server.revive()
        except UnexpectedAnswer as error:
            return failed(path, "unexpected-answer", str(error))
        except OSError as error:
            return failed(path, "unreadable", error.strerror or str(error))
        else:
            server.answered()
            found = {"recorded_at": recorded_at(Path(path)), "answer": answer.model_dump(mode="json")}
            return {"path": path, "status": "ok", **found}
    return error_row


def failed(path: str, error: str, detail: str) -> dict[str, Any]:
    """Return the row of a failed recording. `error` is the slug of the server's problem, or a word of this package."""
    return {"path": path, "status": "failed", "error": error, "detail": detail}
