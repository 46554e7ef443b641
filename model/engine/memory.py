"""What fits, and what happens when something does not."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from transformers import PretrainedConfig

from model.engine.cache import slot_shape
from model.errors import OutOfMemory

Item = TypeVar("Item")
Result = TypeVar("Result")

CPU_SLOTS = 32
MOST_SLOTS = 128
SHARE = 0.75
"""Of the free memory of a device: the rest is for encoders, prefills and graphs."""


def slots_that_fit(config: PretrainedConfig, length: int, *, device: torch.device, dtype: torch.dtype) -> int:
    """How many slots of so many tokens a device has memory for, beside what it holds already; at least one."""
    if device.type != "cuda":
        return CPU_SLOTS
    layers, pair, heads, width = slot_shape(config)
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, min(MOST_SLOTS, int(SHARE * free) // (layers * pair * heads * width * length * dtype.itemsize)))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, on any device; nothing else is wrong then."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
    )


def is_device_lost(error: BaseException) -> bool:
    """Whether a device failed in a way that leaves nothing on it to be used, from this process."""
    kind = getattr(torch, "AcceleratorError", None)  # of torch 2.8
    return not is_out_of_memory(error) and (
        (kind is not None and isinstance(error, kind))
        or (isinstance(error, RuntimeError) and "CUDA error" in str(error))
    )


def in_halves(run: Callable[[Sequence[Item]], Sequence[Result]], items: Sequence[Item]) -> list[Result | OutOfMemory]:
    """`run(items)`; where memory does not suffice, once more in two halves. A half that fails again fails alone."""
    outcome = _attempt(run, items)
    if not isinstance(outcome, OutOfMemory):
        return list(outcome)
    middle = (len(items) + 1) // 2
    found: list[Result | OutOfMemory] = []
    for half in (items[:middle], items[middle:]):
        outcome = _attempt(run, half) if half else []
        found += [outcome] * len(half) if isinstance(outcome, OutOfMemory) else outcome
    return found


def _attempt(
    run: Callable[[Sequence[Item]], Sequence[Result]], items: Sequence[Item]
) -> Sequence[Result] | OutOfMemory:
    try:
        return run(items)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    # Outside of the handler, whose traceback holds on to the tensors of the attempt.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return OutOfMemory("The model's device has too little memory free for this recording. Send it again later.")
