"""File work beside the event loop: in a thread where it takes long, at once where handing it over would take longer."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

SMALL = 2 * 1024 * 1024
"""Bytes that are copied through the page cache in less than a millisecond, about what waking a thread takes."""


async def file_work(num_bytes: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of `work`, which moves about `num_bytes`."""
    if num_bytes <= SMALL:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)
