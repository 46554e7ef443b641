"""`timeaudio bench`: all measurements for a device."""

import os
import platform
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers

from model.engine.engine import SlotEngine
from model.measure.clips import ClipLoad, clip_rate, noises
from model.measure.decoding import Workload, decode_rate
from model.measure.full_size import full_size
from model.measure.masks import mask_share
from model.pipeline import Pipeline

Measurement = tuple[str, Callable[[], dict[str, Any]]]

SMALL_DECODE = [Workload(requests=n, num_beams=b) for n, b in ((1, 1), (16, 1), (16, 4))]
SMALL_CLIPS = [
    ClipLoad(clips=16, seconds=10.0, num_beams=b, library_beams=b, new_tokens=60, library_clips=4) for b in (1, 4)
]
# The paper's size: 88 audio and 40 other tokens in, 100 out. The reference uses 4 beams, one clip at a time.
FULL_DECODE = [
    Workload(requests=n, num_beams=b, prompt_tokens=128, new_tokens=100, library_requests=1, repeats=2)
    for n, b in ((1, 1), (32, 1), (128, 1), (32, 4))
]
FULL_CLIPS = [ClipLoad(clips=64, seconds=30.0, num_beams=b) for b in (1, 4)]


def machine(device: str) -> dict[str, Any]:
    """Describe the machine that the measurements run on."""
    return {
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else platform.processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": list(os.getloadavg()),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def measurements(checkpoint: Path | None, device: str) -> Iterator[Measurement]:
    """Yield each measurement with its name: a checkpoint on any device and, on a GPU, the full-size random model."""
    pipeline = Pipeline.load(checkpoint, device=device, num_slots=16)
    for load in SMALL_DECODE:
        yield _name("decode", pipeline.name, load), partial(decode_rate, pipeline.model.llm, pipeline.engine, load)
    for num_beams in (1, 4):
        share = partial(mask_share, pipeline, noises(16, 10.0), num_beams=num_beams)
        yield f"masks {pipeline.name}, beams {num_beams}", share
    for clips in SMALL_CLIPS:
        yield _name("clips", pipeline.name, clips), partial(clip_rate, pipeline.model, pipeline.engine, clips)
    if device.startswith("cuda"):
        del pipeline, share
        yield from _full(device)


def _full(device: str) -> Iterator[Measurement]:
    model = full_size(device)
    engine = SlotEngine(model.llm, num_slots=128, length=768)
    for load in FULL_DECODE:
        yield _name("decode", model.config.name, load), partial(decode_rate, model.llm, engine, load)
    for clips in FULL_CLIPS:
        yield _name("clips", model.config.name, clips), partial(clip_rate, model, engine, clips)


def _name(kind: str, model: str, load: Workload | ClipLoad) -> str:
    size = load.requests if isinstance(load, Workload) else load.clips
    return f"{kind} {model}, {size} at once, beams {load.num_beams}"
