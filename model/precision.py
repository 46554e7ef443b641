"""Choose the number format in which a device computes fastest."""

import functools
import time

import torch

ROWS = (32, 128)
"""Rows of the products that are timed: a decoding step of many sequences, and a prompt."""
DIM, HIDDEN = 576, 1536
REPEATS = 12
LEAST_GAIN = 1.25
"""bfloat16 rounds, so it has to be clearly faster."""


@functools.cache
def fastest_dtype(device_type: str) -> torch.dtype:
    """Return bfloat16 where the device multiplies matrices clearly faster in it than in float32, else float32.

    A GPU gets bfloat16. A CPU is timed, for about 20 ms: one without instructions for bfloat16 emulates it, and some
    with them are still slower than in float32.

    Args:
        device_type: `cpu` or `cuda`.
    """
    if device_type != "cpu":
        return torch.bfloat16
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads that wait for each other on a busy machine would measure its load
    try:
        gains = [_seconds(rows, torch.float32) / _seconds(rows, torch.bfloat16) for rows in ROWS]
    finally:
        torch.set_num_threads(threads)
    return torch.bfloat16 if min(gains) >= LEAST_GAIN else torch.float32


@torch.inference_mode()
def _seconds(rows: int, dtype: torch.dtype) -> float:
    """Return the shortest of several times of one product; the minimum is robust against other load."""
    inputs, weight = torch.randn(rows, DIM, dtype=dtype), torch.randn(HIDDEN, DIM, dtype=dtype)
    shortest = float("inf")
    for _ in range(REPEATS):
        began = time.perf_counter()
        torch.nn.functional.linear(inputs, weight)
        shortest = min(shortest, time.perf_counter() - began)
    return shortest
