"""Which arithmetic pays where."""

import torch


def is_bfloat16_fast(device: str) -> bool:
    """Whether autocast to bfloat16 pays. On a CPU without instructions for it, it is emulated, many times slower.

    Args:
        device: a device's type, `cpu` or `cuda`.
    """
    return device != "cpu" or torch.cpu._is_avx512_bf16_supported()
