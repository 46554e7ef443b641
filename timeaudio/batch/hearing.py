"""Analyse the recordings that have no row yet, several at once, and write a row for each."""

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from timeaudio.async_client import AsyncClient
from timeaudio.batch.account import Account
from timeaudio.batch.asked import Asked
from timeaudio.batch.journal import Journal
from timeaudio.batch.serving import Serving
from timeaudio.errors import ApiError, ClientError, ServerUnreachable, UnexpectedAnswer

MOST_TRIES = 3
"""How many times the server may die while it has a recording in flight, before that recording fails."""
PATIENCE_S = 3600.0
BUSY = frozenset({429, 503})
UNAUTHORIZED = 401


def hear_all(
    paths: Iterable[str], asked: Asked, journal: Journal, account: Account, serving: Serving, *, at_once: int
) -> None:
    """Write a row for every path, with `at_once` requests at a time.

    Raises:
        ClientError: the server is gone, or refused the API key; the rows so far are kept.
        OSError: the disk is full, or gone; the rows so far are kept.
    """

    async def run() -> None:
        try:
            await serving.revive()
            waiting = iter(paths)
            async with asyncio.TaskGroup() as group:
                for _ in range(at_once):
                    group.create_task(work(waiting))
        finally:
            await serving.close()

    async def work(waiting: Iterator[str]) -> None:
        for path in waiting:  # a shared iterator: each task takes the next path
            row = await hear(path, asked, serving)
            journal.write(row)
            account.add(row)

    try:
        asyncio.run(run())
    except* (ClientError, OSError) as errors:
        raise errors.exceptions[0] from None


async def hear(path: str, asked: Asked, serving: Serving) -> dict[str, Any]:
    """Return the row of one recording.

    Raises:
        ClientError: the server is gone, or refused the API key.
    """
    for number in range(1, MOST_TRIES + 1):
        try:
            async with AsyncClient(serving.url, timeout=PATIENCE_S, retry_for_s=PATIENCE_S) as client:
                answer = await asked.of(client, Path(path))
        except ApiError as error:
            if error.status == UNAUTHORIZED:
                raise  # it would fail every recording, so no recording gets a row for it
            if error.status not in BUSY:
                serving.answered()
                return failed(path, error.type.rpartition(":")[2], str(error))
            await serving.revive()  # it stayed busy, or is shutting down
        except ServerUnreachable:
            if number == MOST_TRIES:
                break
            await serving.revive()
        except UnexpectedAnswer as error:
            return failed(path, "unexpected-answer", str(error))
        except OSError as error:
            return failed(path, "unreadable", error.strerror or str(error))
        else:
            serving.answered()
            return {"path": path, "status": "ok", "answer": answer.model_dump(mode="json")}
    return failed(path, "server-lost", f"The server died {MOST_TRIES} times while it analysed this recording.")


def failed(path: str, error: str, detail: str) -> dict[str, Any]:
    """Return the row of a failed recording. `error` is the slug of the server's problem, or a word of this package."""
    return {"path": path, "status": "failed", "error": error, "detail": detail}
