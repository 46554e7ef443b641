"""How fast a stage trains: samples a second, the share of time that waits for features, and model-FLOP utilisation.

FLOPs are counted from parameters: 2 per weight and token forward, 2 more for the gradient that flows through a frozen
weight, and another 2 where the weight itself trains. Attention's own products are left out, as is usual. What the
device could do is measured: the rate of a large matrix product in the precision of the run.
"""

import time
from collections.abc import Sequence

import torch
from accelerate import Accelerator
from torch import Tensor

from training.learner import Learner, Text

MATRIX = 2048


class Speed:
    """A clock around each step. Figures are of the last step."""

    def __init__(self, learner: Learner, accelerator: Accelerator) -> None:
        self._device, self._count = accelerator.device, accelerator.num_processes
        embedding = learner.llm.get_input_embeddings().weight.numel()
        frozen = sum(p.numel() for p in learner.llm.parameters() if not p.requires_grad) - embedding
        adapters = sum(p.numel() for p in learner.llm.parameters() if p.requires_grad)
        self._per_token = 4 * frozen + 6 * adapters
        self._per_frame = (
            6 * sum(p.numel() for p in learner.connector.qformer.parameters()) / learner.connector.window.num_frames
        )
        self._peak = peak_flops(self._device, accelerator.mixed_precision)
        self._figures: dict[str, float] = {}

    def begin(self) -> None:
        """A step begins."""
        self._began = self._mark = time.perf_counter()
        self._waited, self._flops = 0.0, 0.0

    def encoded(self) -> None:
        """Features are there; what passed since the last micro-batch was spent on them."""
        self._waited += time.perf_counter() - self._mark

    def tokens(self, frames: Sequence[tuple[Tensor, Tensor]], texts: Sequence[Text]) -> None:
        """A micro-batch is done."""
        heard = sum(speech.shape[1] for speech, _ in frames)
        words = sum(len(t.before) + len(t.after) + len(t.answer) for t in texts)
        self._flops += self._per_token * (words + heard / 17) + self._per_frame * heard
        self._mark = time.perf_counter()

    def end(self, examples: int) -> None:
        """A step is done, with so many examples over all processes."""
        if self._device.type == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - self._began
        self._figures = {
            "samples_per_s": examples / seconds,
            "feature_share": self._waited / seconds,
            "mfu": self._flops / seconds / self._peak,
        }

    def figures(self) -> dict[str, float]:
        """`samples_per_s`; `feature_share`, of the step's time, spent on getting features; `mfu`, of this process."""
        return self._figures


def peak_flops(device: torch.device, precision: str | None) -> float:
    """FLOP/s of a large matrix product here, the best of three."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    size = MATRIX * 4 if device.type == "cuda" else MATRIX // 2
    a = torch.randn(size, size, device=device, dtype=dtype)
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        a @ a
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best
