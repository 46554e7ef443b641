"""Who works where: requests wait in one line for the workers, and the least loaded one takes the next. For one loop."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from server.engine.keeper import Keeper


class Places:
    """The line before all workers."""

    def __init__(self) -> None:
        self.keepers: Sequence[Keeper] = ()
        self._line: deque[tuple[asyncio.Future[Keeper], bool]] = deque()
        self._error: Exception | None = None

    @property
    def num_waiting(self) -> int:
        """Requests that no worker holds yet."""
        return len(self._line)

    @property
    def num_free(self) -> int:
        """Requests that workers would take at once."""
        return sum(keeper.num_free for keeper in self.keepers)

    @asynccontextmanager
    async def place(self, *, alone: bool = False) -> AsyncIterator[Keeper]:
        """A worker's place for as long as the context lasts; `alone`: nobody else is in that worker meanwhile.

        Raises:
            Exception: what `close` was given.
        """
        while (keeper := await self._turn(alone)).model is None:
            self._give(keeper)  # lost between its word and ours
        try:
            yield keeper
        finally:
            self._give(keeper)

    async def _turn(self, alone: bool) -> Keeper:
        if self._error is not None:
            raise self._error
        future: asyncio.Future[Keeper] = asyncio.get_running_loop().create_future()
        self._line.append((future, alone))
        self.wake()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self._give(future.result())
            raise

    def wake(self) -> None:
        """Hand out what is free. To be called when a worker comes or goes."""
        while self._line:
            future, alone = self._line[0]
            if not future.done():
                free = [keeper for keeper in self.keepers if keeper.num_free > 0 and not (alone and keeper.num_inside)]
                if not free:
                    return  # also where only `alone` has to wait: the others would keep its worker from getting empty
                keeper = min(free, key=lambda keeper: keeper.num_inside)
                keeper.num_inside += 1
                keeper.is_exclusive = alone
                future.set_result(keeper)
            self._line.popleft()

    def close(self, error: Exception) -> None:
        """Let nobody in any more, and tell those who wait."""
        self._error = error
        for future, _ in self._line:
            if not future.done():
                future.set_exception(error)
        self._line.clear()

    def _give(self, keeper: Keeper) -> None:
        keeper.num_inside -= 1
        keeper.is_exclusive = False
        self.wake()
