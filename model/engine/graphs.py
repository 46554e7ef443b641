"""Decoding steps at fixed shapes; on CUDA each shape is one graph: one launch instead of about a thousand.

A step of n sequences runs at the next larger number of rows. Surplus rows write into a spare slot that is never read.
On a CPU the same shapes run without graphs if they are requested, as the tests do.
"""

from collections.abc import Iterable
from itertools import product
from typing import Any

import torch
from torch import Tensor

from model.engine.decode import Decoder, StepInputs

WARM_UPS = 2
"""Runs before a capture, in which libraries make their persistent allocations."""


def row_buckets(num_slots: int) -> list[int]:
    """Return the powers of two below the number of slots, and that number: 12 -> 1, 2, 4, 8, 12."""
    buckets = [1 << power for power in range(num_slots.bit_length()) if 1 << power < num_slots]
    return [*buckets, num_slots]


class StaticStep:
    """A step with fixed numbers of rows, beams and entries, whose inputs and logits keep their memory addresses."""

    def __init__(self, decoder: Decoder, rows: int, width: int, length: int) -> None:
        device = decoder.model.device
        self._decoder = decoder
        self._rows = rows
        self._spare = decoder.states.shape[2] - 1
        self._inputs = StepInputs(
            tokens=torch.zeros(rows, width, dtype=torch.long, device=device),
            positions=torch.zeros(rows, 1, dtype=torch.long, device=device),
            slots=torch.full((rows, 1), self._spare, device=device),
            places=torch.arange(width, device=device).repeat(rows, 1),
            seen=torch.ones(rows, width, length, dtype=torch.bool, device=device),
        )
        self._logits: Tensor | None = None
        self._graph: torch.cuda.CUDAGraph | None = None

    def capture(self, pool: Any) -> None:
        """Record the step as a CUDA graph. All graphs share one memory pool, since only one replays at a time."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                self._forward()
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, pool=pool):
            self._logits = self._forward()

    def run(self, inputs: StepInputs) -> Tensor:
        """Return the logits of a step with at most as many rows. The next run overwrites them."""
        rows = len(inputs.tokens)
        self._inputs.slots.fill_(self._spare)
        for buffer, given in zip(self._inputs, inputs, strict=True):
            buffer[:rows].copy_(given)
        if self._graph is None:
            self._logits = self._forward()
        else:
            self._graph.replay()
        assert self._logits is not None
        return self._logits[:rows]

    def _forward(self) -> Tensor:
        return self._decoder.forward(self._inputs, 0, self._rows)


class StaticSteps:
    """Steps at all shapes that occur for these numbers of beams, created up front, the largest first.

    Args:
        decoder: its states have one spare slot in addition to those in use.
        widths: numbers of beams.
        lengths: numbers of entries of a slot that attention reads.
    """

    @torch.inference_mode()
    def __init__(self, decoder: Decoder, widths: Iterable[int], lengths: Iterable[int]) -> None:
        self._rows = row_buckets(decoder.states.shape[2] - 1)
        self._steps: dict[tuple[int, int, int], StaticStep] = {}
        is_cuda = decoder.model.device.type == "cuda"
        pool = torch.cuda.graph_pool_handle() if is_cuda else None
        for shape in sorted(product(self._rows, widths, lengths), key=lambda s: s[0] * s[1] * s[2], reverse=True):
            step = self._steps[shape] = StaticStep(decoder, *shape)
            if pool is not None:
                step.capture(pool)

    def run(self, inputs: StepInputs) -> Tensor | None:
        """Return the logits of a step of sequences in the first slots, or None if no graph has their shape."""
        rows, width, length = inputs.seen.shape
        bucket = next(bucket for bucket in self._rows if bucket >= rows)
        step = self._steps.get((bucket, width, length))
        return None if step is None else step.run(inputs)
