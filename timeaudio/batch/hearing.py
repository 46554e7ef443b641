"""Hears the recordings that have no row yet, many at once, and writes a row for each."""

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
"""How often a recording may be in flight while the server dies, before it gets a row that says so."""
PATIENCE_S = 3600.0
BUSY = frozenset({429, 503})
UNAUTHORIZED = 401


def hear_all(
    paths: Iterable[str], asked: Asked, journal: Journal, account: Account, serving: Serving, *, at_once: int
) -> None:
    """Give every path a row, asking about `at_once` of them at a time.

    Raises:
        ClientError: nobody answers any more, or the API key is refused; what has a row keeps it.
        OSError: the disk is full, or gone; likewise.
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
        for path in waiting:  # shared: each takes the next
            row = await hear(path, asked, serving)
            journal.write(row)
            account.add(row)

    try:
        asyncio.run(run())
    except* (ClientError, OSError) as errors:
        raise errors.exceptions[0] from None


async def hear(path: str, asked: Asked, serving: Serving) -> dict[str, Any]:
    """The row of one recording.

    Raises:
        ClientError: nobody answers any more, or the API key is refused.
    """
    for number in range(1, MOST_TRIES + 1):
        try:
            async with AsyncClient(serving.url, timeout=PATIENCE_S, retry_for_s=PATIENCE_S) as client:
                answer = await asked.of(client, Path(path))
        except ApiError as error:
            if error.status == UNAUTHORIZED:
                raise  # so it would be with every recording: none gets a row for it
            if error.status not in BUSY:
                serving.answered()
                return failed(path, error.type.rpartition(":")[2], str(error))
            await serving.revive()  # it was busy all the time, or goes down
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
    return failed(path, "server-lost", f"The server died {MOST_TRIES} times while it heard this recording.")


def failed(path: str, error: str, detail: str) -> dict[str, Any]:
    """The row of a recording that was not heard. `error` is the slug of the server's table, or a word of ours."""
    return {"path": path, "status": "failed", "error": error, "detail": detail}
