"""Choose the number format in which a device computes fastest."""

import functools
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import conv2d, linear

Product = Callable[[torch.dtype], Callable[[], Tensor]]

REPEATS = 8
LEAST_GAIN = 1.25
"""bfloat16 rounds, so it has to be clearly faster."""


def _linear(rows: int, dtype: torch.dtype) -> Callable[[], Tensor]:
    inputs, weight = torch.randn(rows, 576, dtype=dtype), torch.randn(1536, 576, dtype=dtype)
    return lambda: linear(inputs, weight)


def _convolution(dtype: torch.dtype) -> Callable[[], Tensor]:
    inputs = torch.randn(1, 64, 48, 64, dtype=dtype).to(memory_format=torch.channels_last)
    weight = torch.randn(128, 64, 3, 3, dtype=dtype).to(memory_format=torch.channels_last)
    return lambda: conv2d(inputs, weight, padding=1)


PRODUCTS: tuple[Product, ...] = (functools.partial(_linear, 32), functools.partial(_linear, 128), _convolution)
"""A decoding step of many sequences, a prompt, and a layer of a sound encoder."""


@functools.cache
def fastest_dtype(device_type: str) -> torch.dtype:
    """Return bfloat16 where the device computes clearly faster in it than in float32, else float32.

    A GPU gets bfloat16. A CPU is timed, for about 50 ms: a CPU without instructions for bfloat16 emulates it, and some
    CPUs with such instructions are slower in bfloat16 than in float32, at least in some products.

    Args:
        device_type: `cpu` or `cuda`.
    """
    if device_type != "cpu":
        return torch.bfloat16
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads that wait for each other on a busy machine would measure its load
    try:
        gains = [_seconds(product, torch.float32) / _seconds(product, torch.bfloat16) for product in PRODUCTS]
    finally:
        torch.set_num_threads(threads)
    return torch.bfloat16 if min(gains) >= LEAST_GAIN else torch.float32


@torch.inference_mode()
def _seconds(product: Product, dtype: torch.dtype) -> float:
    """Return the shortest of several times of one product; the minimum is robust against other load."""
    compute, shortest = product(dtype), float("inf")
    for _ in range(REPEATS):
        began = time.perf_counter()
        compute()
        shortest = min(shortest, time.perf_counter() - began)
    return shortest
