"""The queue shared by all workers: the least loaded worker gets the next request. Use on one event loop only."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from server.workers.supervisor import Supervisor


class RequestQueue:
    """One first-in, first-out queue for all workers."""

    def __init__(self) -> None:
        self.supervisors: Sequence[Supervisor] = ()
        self._line: deque[tuple[asyncio.Future[Supervisor], bool]] = deque()
        self._error: Exception | None = None

    @property
    def num_waiting(self) -> int:
        """Requests that are not assigned to a worker yet."""
        return len(self._line)

    @property
    def num_free(self) -> int:
        """Requests that workers would accept immediately."""
        return sum(supervisor.num_free for supervisor in self.supervisors)

    @asynccontextmanager
    async def place(self, *, alone: bool = False) -> AsyncIterator[Supervisor]:
        """Hold a place in a worker for the duration of the context; with `alone`, as its only request.

        Raises:
            Exception: the error that was passed to `close`.
        """
        while (supervisor := await self._turn(alone)).model is None:
            self._give(supervisor)  # the worker was lost before this task resumed
        try:
            yield supervisor
        finally:
            self._give(supervisor)

    async def _turn(self, alone: bool) -> Supervisor:
        if self._error is not None:
            raise self._error
        future: asyncio.Future[Supervisor] = asyncio.get_running_loop().create_future()
        self._line.append((future, alone))
        self.wake()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self._give(future.result())
            else:
                self.wake()  # it may have been first, waiting for an idle worker
            raise

    def wake(self) -> None:
        """Assign free places to waiting requests. Call it when a worker becomes available or unavailable."""
        while self._line:
            future, alone = self._line[0]
            if not future.done():
                free = [s for s in self.supervisors if s.num_free > 0 and not (alone and s.num_inside)]
                if not free:
                    return  # even if only `alone` must wait: requests behind it would keep its worker from draining
                supervisor = min(free, key=lambda s: s.num_inside)
                supervisor.num_inside += 1
                supervisor.is_exclusive = alone
                future.set_result(supervisor)
            self._line.popleft()

    def close(self, error: Exception) -> None:
        """Refuse further requests, and fail the waiting ones, with this error."""
        self._error = error
        for future, _ in self._line:
            if not future.done():
                future.set_exception(error)
        self._line.clear()

    def _give(self, supervisor: Supervisor) -> None:
        supervisor.num_inside -= 1
        supervisor.is_exclusive = False
        self.wake()
