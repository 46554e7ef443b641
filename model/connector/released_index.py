"""The row of the time encoding that the released code gives each window, in integer arithmetic.

The released code numbers windows from 1, multiplies by 0.333333 s and divides by it again, in float32, and rounds down.
Most numbers stay the same; the ones listed here become their predecessor. Which ones depends on the device: to divide
by a constant, CUDA multiplies by its reciprocal. The released weights were trained on CUDA. A row that no window uses
was never trained and is zero. From such rows, `measured_on` tells the devices apart.

The label step, 0.333333 s, is not the window's length, 0.34 s. So labels drift by 2 %, and in 75 s the released code
counts 225 valid windows where only 221 contain sound.

Source: authors' released code; CPU measured, CUDA by the same arithmetic in IEEE float32.
"""

from collections.abc import Sequence
from typing import Final, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from model.audio.waveform import SAMPLE_RATE

STEP_MICROSECONDS: Final = 333_333
"""The released code's step from one window's label to the next."""

# fmt: off
OFF_ON_CPU: Final[tuple[int, ...]] = (
    97, 101, 105, 109, 113, 117, 194, 197, 202, 210, 218, 226, 231, 234, 239, 247, 255, 388, 391, 394, 404, 407,
    417, 420, 423, 433, 436, 449, 452, 462, 465, 468, 478, 481, 491, 494, 497, 507, 510,
)
OFF_ON_CUDA: Final[tuple[int, ...]] = (
    3, 6, 12, 24, 48, 96, 97, 101, 105, 109, 113, 117, 121, 125, 192, 194, 197, 202, 205, 210, 213, 218, 221,
    226, 231, 234, 239, 242, 247, 250, 255, 384, 388, 391, 394, 397, 404, 407, 410, 413, 417, 420, 423, 426,
    433, 436, 439, 442, 449, 452, 455, 462, 465, 468, 471, 478, 481, 484, 487, 491, 494, 497, 500, 507, 510,
)
# fmt: on
"""Windows, numbered from 1, that get their predecessor's row. Up to 767; later windows share the last row."""

Device = Literal["released_cpu", "released_cuda"]
OFF: Final[dict[Device, tuple[int, ...]]] = {"released_cpu": OFF_ON_CPU, "released_cuda": OFF_ON_CUDA}


def num_valid(num_samples: int) -> int:
    """Return how many windows the released code considers valid: the whole label steps in the recording."""
    return num_samples * 1_000_000 // (STEP_MICROSECONDS * SAMPLE_RATE)


def released_index(
    count: int, num_samples: Sequence[int] | None, num_rows: int, device: Device
) -> Int[Tensor, "batch windows"]:
    """Return the row of each of the first `count` windows; if `num_samples` is None, all of them are valid.

    Window n (from 1) gets row n, or n - 1 if it is listed, but at most the last row. Windows past the last valid one
    get row 0.
    """
    number = torch.arange(1, count + 1)
    off = torch.isin(number, torch.tensor(OFF[device]))
    row = (number - off.long()).clamp(max=num_rows - 1)
    valid = torch.tensor([count] if num_samples is None else [num_valid(n) for n in num_samples])
    return torch.where(number <= valid[:, None], row, 0)


def measured_on(rows: Float[Tensor, "rows dim"]) -> Device:
    """Detect, from the rows that stayed at zero, the device that a time encoding was trained on.

    CUDA skips rows 3, 6, 12, 24, 48 and 96; the CPU skips none below 97. If no row was trained, both devices fit, and
    the result is the CPU.
    """
    skipped = [row for row in OFF_ON_CUDA if row < OFF_ON_CPU[0] and row < len(rows)]
    is_zero = ~rows.any(dim=1)
    is_trained = not bool(is_zero[1 : OFF_ON_CPU[0]].all())
    return "released_cuda" if skipped and is_trained and bool(is_zero[skipped].all()) else "released_cpu"
