"""The queue that all workers share."""

import asyncio
from dataclasses import dataclass, field

from server.workers.request_queue import RequestQueue


@dataclass
class Worker:
    """A worker with four places: what the queue needs of a supervisor."""

    model: object = field(default_factory=object)
    num_inside: int = 0
    is_exclusive: bool = False

    @property
    def num_free(self) -> int:
        return 0 if self.is_exclusive else 4 - self.num_inside


async def hold(queue: RequestQueue, release: asyncio.Event, *, alone: bool = False) -> None:
    async with queue.place(alone=alone):
        await release.wait()


async def steps() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_those_behind_a_request_that_must_run_alone_go_on_when_its_caller_leaves() -> None:
    async def scenario() -> None:
        queue, release = RequestQueue(), asyncio.Event()
        queue.supervisors = [Worker()]  # type: ignore[list-item]
        running = asyncio.create_task(hold(queue, release))
        await steps()
        alone = asyncio.create_task(hold(queue, release, alone=True))
        behind = asyncio.create_task(hold(queue, release))
        await steps()
        assert queue.num_waiting == 2
        alone.cancel()
        await steps()
        assert queue.num_waiting == 0
        release.set()
        await asyncio.gather(running, behind)
        assert queue.num_free == 4

    asyncio.run(scenario())
