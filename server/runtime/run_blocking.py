"""File work that does not block the event loop: large work runs in a thread, small work runs inline."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

SMALL = 2 * 1024 * 1024
"""Copying this many bytes through the page cache takes less than a millisecond, about as long as waking a thread."""


async def file_work(num_bytes: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return the result of `work`, which moves about `num_bytes`."""
    if num_bytes <= SMALL:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)
