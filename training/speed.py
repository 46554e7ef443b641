"""Measure training speed: samples per second, the breakdown of a step's time, and model FLOP utilisation on a GPU.

FLOPs are counted from parameters: 2 per weight and token forward, 2 more for the gradient that flows through a frozen
weight, and another 2 where the weight itself trains. Tokens are those that the language model reads, after merging.
The count leaves out attention products, as is usual, and the encoders, whose frames may be cached. The device's peak is
measured: the rate of a large matrix product in the precision of the run. On a CPU that rate depends more on the
library's kernel and on other load than on the chip, so no utilisation is reported.
"""

import time
from collections.abc import Sequence

import torch
from accelerate import Accelerator
from torch import Tensor

from training.learner import Learner
from training.stage_data import FeatureExtractor
from training.trained_module import TrainedModule
from training.transcription import TranscriptionLearner

MATRIX = 8192


class StepTimer:
    """Times each step."""

    def __init__(self, learner: TrainedModule, features: FeatureExtractor, accelerator: Accelerator) -> None:
        self._learner, self._features, self._device = learner, features, accelerator.device
        self._per_token = 0
        if isinstance(learner, Learner):
            embedding = learner.llm.get_input_embeddings().weight.numel()
            frozen = sum(p.numel() for p in learner.llm.parameters() if not p.requires_grad) - embedding
            adapters = sum(p.numel() for p in learner.llm.parameters() if p.requires_grad)
            self._per_token = 4 * frozen + 6 * adapters
        if isinstance(learner, TranscriptionLearner):
            self._per_frame = 6.0 * sum(p.numel() for p in learner.transcriber.parameters())
        else:
            qformer = list(learner.connector.qformer.parameters())
            each = 6 if any(p.requires_grad for p in qformer) else 4
            self._per_frame = each * sum(p.numel() for p in qformer) / learner.connector.window.num_frames
        is_gpu = self._device.type == "cuda"
        self._peak = peak_flops(self._device, accelerator.mixed_precision) if is_gpu else None

    def begin(self) -> None:
        """Start timing a step."""
        self._began = self._mark = time.perf_counter()
        self._encoding, self._flops = 0.0, 0.0
        self._waited_before = self._features.waited_s
        self._learner.num_tokens = self._learner.num_padded = 0

    def features_ready(self) -> None:
        """Record that the features are ready: the time since the last micro-batch was spent on them."""
        self._encoding += time.perf_counter() - self._mark

    def micro_batch_done(self, frames: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Record that a micro-batch is done."""
        self._flops += self._per_frame * sum(speech.shape[1] for speech, _ in frames)
        self._mark = time.perf_counter()

    def end(self, examples: int) -> dict[str, float]:
        """Return the figures of a step of `examples` examples over all processes.

        `samples_per_s` covers all processes. The others are of this process alone: `device_share`, the share of the
        time not spent waiting for files (an upper bound of the GPU's share, because Python's time between kernels
        counts too); `feature_share`, the share spent until the encoders' frames were ready; `padding_share`, the share
        of padding among the language model's positions; `mfu`, on a GPU.
        """
        if self._device.type == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - self._began
        figures = {
            "samples_per_s": examples / seconds,
            "device_share": 1 - (self._features.waited_s - self._waited_before) / seconds,
            "feature_share": self._encoding / seconds,
            "padding_share": self._learner.num_padded / max(1, self._learner.num_tokens + self._learner.num_padded),
        }
        if self._peak is not None:
            flops = self._flops + self._per_token * self._learner.num_tokens
            figures["mfu"] = flops / seconds / self._peak
        return figures


def peak_flops(device: torch.device, precision: str | None) -> float:
    """Measure the FLOP/s of a large matrix product on a GPU, the best of three."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    a = torch.randn(MATRIX, MATRIX, device=device, dtype=dtype)
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        a @ a
        torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return 2 * MATRIX**3 / best
