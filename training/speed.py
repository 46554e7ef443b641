"""How fast a stage trains: samples a second, what a step's time is spent on, and model-FLOP utilisation on a GPU.

FLOPs are counted from parameters: 2 per weight and token forward, 2 more for the gradient that flows through a frozen
weight, and another 2 where the weight itself trains. Tokens are those that the language model reads, after merging.
Attention's own products are left out, as is usual, and so are the encoders, whose frames may be kept. What the device
could do is measured: the rate of a large matrix product in the precision of the run. On a CPU that rate depends on the
library's kernel for the shape, and on who else computes there, more than on the chip: no utilisation is told.
"""

import time
from collections.abc import Sequence

import torch
from accelerate import Accelerator
from torch import Tensor

from training.aligner import Aligner
from training.learner import Learner
from training.stage_data import Features

MATRIX = 8192


class Speed:
    """A clock around each step. Figures are of the last step."""

    def __init__(self, learner: Learner | Aligner, features: Features, accelerator: Accelerator) -> None:
        self._learner, self._features, self._device = learner, features, accelerator.device
        self._per_token = 0
        if isinstance(learner, Learner):
            embedding = learner.llm.get_input_embeddings().weight.numel()
            frozen = sum(p.numel() for p in learner.llm.parameters() if not p.requires_grad) - embedding
            adapters = sum(p.numel() for p in learner.llm.parameters() if p.requires_grad)
            self._per_token = 4 * frozen + 6 * adapters
        qformer = list(learner.connector.qformer.parameters())
        each = 6 if any(p.requires_grad for p in qformer) else 4
        self._per_frame = each * sum(p.numel() for p in qformer) / learner.connector.window.num_frames
        is_gpu = self._device.type == "cuda"
        self._peak = peak_flops(self._device, accelerator.mixed_precision) if is_gpu else None
        self._figures: dict[str, float] = {}

    def begin(self) -> None:
        """A step begins."""
        self._began = self._mark = time.perf_counter()
        self._encoding, self._flops = 0.0, 0.0
        self._waited_before = self._features.waited_s
        self._learner.num_tokens = self._learner.num_padded = 0

    def encoded(self) -> None:
        """Features are there; what passed since the last micro-batch was spent on them."""
        self._encoding += time.perf_counter() - self._mark

    def connected(self, frames: Sequence[tuple[Tensor, Tensor]]) -> None:
        """A micro-batch is done."""
        self._flops += self._per_frame * sum(speech.shape[1] for speech, _ in frames)
        self._mark = time.perf_counter()

    def end(self, examples: int) -> None:
        """A step is done, with so many examples over all processes."""
        if self._device.type == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - self._began
        self._figures = {
            "samples_per_s": examples / seconds,
            "device_share": 1 - (self._features.waited_s - self._waited_before) / seconds,
            "feature_share": self._encoding / seconds,
            "padding_share": self._learner.num_padded / max(1, self._learner.num_tokens + self._learner.num_padded),
        }
        if self._peak is not None:
            flops = self._flops + self._per_token * self._learner.num_tokens
            self._figures["mfu"] = flops / seconds / self._peak

    def figures(self) -> dict[str, float]:
        """Of the last step, and but for the first, of this process.

        `samples_per_s`; `device_share`, the part of its time in which it did not wait for files (an upper bound of a
        GPU's share: what Python does between kernels counts too); `feature_share`, the part until the encoders' frames
        were there; `padding_share`, of the language model's positions; `mfu`, on a GPU.
        """
        return self._figures


def peak_flops(device: torch.device, precision: str | None) -> float:
    """FLOP/s of a large matrix product on a GPU, the best of three."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    a = torch.randn(MATRIX, MATRIX, device=device, dtype=dtype)
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        a @ a
        torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return 2 * MATRIX**3 / best
