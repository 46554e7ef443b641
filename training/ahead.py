"""The next step's data, drawn while this step computes."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Drawn = TypeVar("Drawn")


class Ahead(Generic[Drawn]):
    """A function of the step that is computed one step ahead, in a thread: it must depend on nothing but the step."""

    def __init__(self, draw: Callable[[int], Drawn]) -> None:
        self.draw, self.pool = draw, ThreadPoolExecutor(1)
        self.next: tuple[int, Future[Drawn]] | None = None

    def __call__(self, step: int) -> Drawn:
        """What belongs to `step`."""
        ready = self.next[1].result() if self.next and self.next[0] == step else self.draw(step)
        self.next = step + 1, self.pool.submit(self.draw, step + 1)
        return ready
