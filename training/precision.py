"""Decide whether bfloat16 is faster on a device."""

import torch


def is_bfloat16_fast(device: str) -> bool:
    """Return whether autocast to bfloat16 is faster. A CPU without bfloat16 instructions emulates it, far more slowly.

    Args:
        device: the device type, `cpu` or `cuda`.
    """
    return device != "cpu" or torch.cpu._is_avx512_bf16_supported()
