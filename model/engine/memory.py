"""Sizes the cache to the device memory, and handles allocation failures."""

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
"""Share of a device's free memory for slots. The rest is for encoders, prefills and graphs."""


def slots_that_fit(config: PretrainedConfig, length: int, *, device: torch.device, dtype: torch.dtype) -> int:
    """Return how many slots of `length` tokens fit in the free memory of a device; at least one."""
    if device.type != "cuda":
        return CPU_SLOTS
    layers, pair, heads, width = slot_shape(config)
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, min(MOST_SLOTS, int(SHARE * free) // (layers * pair * heads * width * length * dtype.itemsize)))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error is a failed allocation, on any device. The process can continue after one."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
    )


def is_device_lost(error: BaseException) -> bool:
    """Whether a device failed in a way that makes it unusable for this process."""
    kind = getattr(torch, "AcceleratorError", None)  # since torch 2.8
    return not is_out_of_memory(error) and (
        (kind is not None and isinstance(error, kind))
        or (isinstance(error, RuntimeError) and "CUDA error" in str(error))
    )


def in_halves(run: Callable[[Sequence[Item]], Sequence[Result]], items: Sequence[Item]) -> list[Result | OutOfMemory]:
    """Return `run(items)`. If memory runs out, retry in two halves; if a half fails again, only its items fail."""
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
    # Outside the handler: its traceback keeps the tensors of the attempt alive.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return OutOfMemory("The model's device does not have enough free memory for this recording. Send it again later.")
