"""Backends of the tools: a server through the client, or the model in this process, one call at a time."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

import anyio.to_thread
import typer

from timeaudio.async_client import AsyncClient
from timeaudio.cli.run_analysis import check_backend
from timeaudio.local import LocalModel
from timeaudio.request_options import PartOptions
from timeaudio.requests import TaskName
from timeaudio.results import AnyAnswer


class AsyncBackend(Protocol):
    """Answers one task about one recording."""

    async def answer(self, task: TaskName, audio: Path | bytes, words: Sequence[Any], part: PartOptions) -> AnyAnswer:
        """Return the answer; `words` are the queries or the question.

        Raises:
            ClientError, OSError: as the method of `Client`, or `LocalModel`, for the task.
        """


class ServerBackend:
    """A server. A cancelled call closes its connection, and the server stops the work."""

    def __init__(self, address: str) -> None:
        """Raises: ValueError, ImportError: as `Client`."""
        self._client = AsyncClient(address)

    async def answer(self, task: TaskName, audio: Path | bytes, words: Sequence[Any], part: PartOptions) -> AnyAnswer:
        """See `AsyncBackend`."""
        return cast(AnyAnswer, await getattr(self._client, task)(audio, *words, **part))


class LocalBackend:
    """The model in this process. A cancelled call still runs to its end before the next begins."""

    def __init__(self, model: LocalModel) -> None:
        self._model = model
        self._one = anyio.CapacityLimiter(1)

    async def answer(self, task: TaskName, audio: Path | bytes, words: Sequence[Any], part: PartOptions) -> AnyAnswer:
        """See `AsyncBackend`."""
        work = partial(getattr(self._model, task), audio, *words, **part)
        return cast(AnyAnswer, await anyio.to_thread.run_sync(work, limiter=self._one))


def open_backend(server: str | None, model: Path | None) -> AsyncBackend:
    """Return the server at an address, or load a model here: `model`, or the embedded one.

    Raises:
        typer.BadParameter: both are given, or the address is not valid.
        LocalModelError: no model can run here.
    """
    check_backend(server, model)
    if server is None:
        return LocalBackend(LocalModel(model))
    try:
        return ServerBackend(server)
    except (ValueError, ImportError) as error:
        raise typer.BadParameter(str(error), param_hint="--server") from error
