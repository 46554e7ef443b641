"""Measure the full-size model with random weights: load time, peak memory, and milliseconds per stage for two clips.

    python benchmarks/full_size.py --dir /tmp/random-7b                 # CUDA: about 17 GB on disk and on the card
    python benchmarks/full_size.py --dir /tmp/small --width 8           # trial on a CPU: every width divided by 8

Writes a checkpoint with random weights in the sizes of Whisper-large-v2, BEATs-base and Vicuna-7B, unless DIR already
holds one, then loads and runs it as the server does. Times are milliseconds, medians over the repeats, after one
warm-up per length. `load_s` is the time to load from the page cache if the checkpoint was just written. Prints a JSON
object.
"""

import argparse
import re
import statistics
import sys
import time
from collections import defaultdict
from itertools import chain, repeat
from math import prod
from pathlib import Path

import numpy as np
import torch
from report import write_report
from torch import Tensor, nn
from transformers import LlamaConfig, WhisperConfig

from model.audio.decode import decode_audio
from model.audio.waveform import SAMPLE_RATE, Waveform
from model.checkpoint import EMBEDDED
from model.config import ModelConfig, QFormerConfig
from model.convert.layout import Layout
from model.convert.shape_check import needs
from model.convert.shards import MOST_SHARD_BYTES, packed
from model.convert.writing import PlannedFile
from model.encoders.beats import BEATsConfig
from model.language.tokenizer import Tokenizer
from model.pipeline import Decoding, Pipeline

RECORDINGS = sorted((Path(__file__).parents[1] / "server" / "recordings").glob("*.flac"))
ROWS = 32_021


def write_random(directory: Path, width: int) -> None:
    """Write a checkpoint of the full size with every width divided by `width`."""
    tokenizer = Tokenizer.load(EMBEDDED)
    config = ModelConfig(
        name=directory.name,
        tasks=("dense_caption", "ground"),
        sound_encoder="beats",
        pad_segments=True,
        language_dtype="bfloat16",
        qformer=QFormerConfig(dim=768 // width, feed_forward_dim=3072 // width),
    )
    speech = WhisperConfig(
        d_model=1280 // width, encoder_layers=32, encoder_attention_heads=20, encoder_ffn_dim=5120 // width
    )
    sound = BEATsConfig(
        encoder_embed_dim=768 // width, encoder_ffn_embed_dim=3072 // width, embed_dim=512 // width, conv_pos_groups=16
    )
    llm = LlamaConfig(
        vocab_size=ROWS,
        hidden_size=4096 // width,
        intermediate_size=11_008 // width,
        num_hidden_layers=32,
        num_attention_heads=32,
        bos_token_id=tokenizer.bos_id,
        eos_token_id=tokenizer.eos_id,
        pad_token_id=tokenizer.eos_id,
    )
    need = needs(config, speech, sound, llm)
    files = [
        random_file("model.safetensors", need.connector, torch.float32),
        random_file("speech_encoder/model.safetensors", need.speech, torch.float32),
        random_file("sound_encoder/model.safetensors", need.sound, torch.float32),
    ]
    runs = list(packed(need.llm, lambda name: 2 * prod(need.llm[name]), MOST_SHARD_BYTES))
    for number, names in enumerate(runs, 1):
        shapes = {name: need.llm[name] for name in names}
        files.append(random_file(f"llm/model-{number:05}-of-{len(runs):05}.safetensors", shapes, torch.bfloat16))
    layout = Layout(config=config, speech=speech, sound=sound, llm=llm, tokenizer=tokenizer, card="Random weights.\n")
    layout.write(directory, files, [], lambda _: lambda num_bytes, name: print(f"wrote {name}", file=sys.stderr))


def random_file(name: str, shapes: dict[str, tuple[int, ...]], dtype: torch.dtype) -> PlannedFile:
    """Plan a file with matrices that preserve the scale of their inputs, norms of one, biases of zero."""

    def tensor(key: str, shape: tuple[int, ...]) -> Tensor:
        if len(shape) == 1:
            return torch.ones(shape, dtype=dtype) if "norm" in key and key.endswith("weight") else torch.zeros(shape)
        return (torch.randn(shape, dtype=torch.float32) / prod(shape[1:]) ** 0.5).to(dtype)

    def make() -> dict[str, Tensor]:
        return {key: tensor(key, shape).to(dtype) for key, shape in shapes.items()}

    return PlannedFile(name, dtype.itemsize * sum(map(prod, shapes.values())), list(shapes), make)


class StageClock:
    """Measures milliseconds per call of watched modules."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.calls: dict[str, list[float]] = defaultdict(list)
        self._begun: dict[str, float] = {}

    def now(self) -> float:
        """Return the time in milliseconds, after pending work on the device."""
        if self.device == "cuda":
            torch.cuda.synchronize()
        return 1000 * time.perf_counter()

    def watch(self, name: str, module: nn.Module) -> None:
        """Measure every call of a module."""

        def before(*_: object) -> None:
            self._begun[name] = self.now()

        def after(*_: object) -> None:
            self.calls[name].append(self.now() - self._begun[name])

        module.register_forward_pre_hook(before)
        module.register_forward_hook(after)


def clip(seconds: float) -> Waveform:
    """Return the bundled recordings, repeated, as one waveform of the given length."""
    parts = [decode_audio(path.read_bytes(), max_seconds=60.0).samples for path in RECORDINGS]
    rounds = repeat(np.concatenate(parts), int(seconds * SAMPLE_RATE / sum(map(len, parts))) + 1)
    return Waveform(np.concatenate(list(chain(rounds)))[: round(seconds * SAMPLE_RATE)])


def run_clip(pipeline: Pipeline, clock: StageClock, waveform: Waveform, num_tokens: int) -> dict[str, float]:
    """Measure one dense caption of a clip, stage by stage."""
    clock.calls.clear()
    began = clock.now()
    recording = pipeline.encode(waveform)
    encoded = clock.now()
    answer = pipeline.dense_caption(recording, Decoding(max_new_tokens=num_tokens))
    ended = clock.now()
    inside = {name: sum(calls) for name, calls in clock.calls.items()}
    prefill, *steps = clock.calls["language model"]
    return {
        "speech_encoder_with_log_mel": inside["speech encoder"],
        "sound_encoder": inside["sound encoder"],
        "connector": inside["connector"],
        "filterbank_and_rest": encoded - began - sum(inside[n] for n in inside if n != "language model"),
        "prefill": prefill,
        "decode_per_token": sum(steps) / max(1, len(steps)),
        "search_and_grammar_per_token": (ended - encoded - inside["language model"]) / max(1, len(steps)),
        "encode_total": encoded - began,
        "answer_total": ended - encoded,
        "audio_tokens": recording.num_audio_tokens,
        "prompt_tokens": answer.num_prompt_tokens,
        "answer_tokens": answer.num_completion_tokens,
    }


def peak_bytes(device: str) -> dict[str, int]:
    """Return the peak memory so far, of this process and of the GPU."""
    status = Path("/proc/self/status").read_text()
    found = {"process": 1024 * int(re.search(r"VmHWM:\s+(\d+)", status)[1])}
    return found | ({"cuda": torch.cuda.max_memory_allocated()} if device == "cuda" else {})


def main() -> int:
    """Write the checkpoint, load it, run it, and print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dir", type=Path, required=True, help="where the random checkpoint is, or will be written")
    parser.add_argument("--width", type=int, default=1, help="divides every width (1, 2, 4, 8)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seconds", type=float, nargs="+", default=[30.0, 150.0])
    parser.add_argument("--tokens", type=int, default=64, help="maximum tokens of an answer")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quantize", choices=("int8", "int4"))
    parser.add_argument("--json", type=Path, help="also write the result here")
    arguments = parser.parse_args()
    if not (arguments.dir / "config.json").is_file():
        write_random(arguments.dir, arguments.width)
    device = arguments.device
    before = peak_bytes(device)
    began = time.perf_counter()
    pipeline = Pipeline.load(arguments.dir, device=device, quantize=arguments.quantize)
    load_s = time.perf_counter() - began
    loaded = peak_bytes(device)
    clock = StageClock(device)
    model = pipeline.model
    for name, module in (
        ("speech encoder", model.speech),
        ("sound encoder", model.sound),
        ("connector", model.connector),
        ("language model", model.llm),
    ):
        clock.watch(name, module)
    clips = {}
    for seconds in arguments.seconds:
        waveform = clip(seconds)
        run_clip(pipeline, clock, waveform, arguments.tokens)
        rows = [run_clip(pipeline, clock, waveform, arguments.tokens) for _ in range(arguments.repeats)]
        clips[f"{seconds:g} s"] = {key: round(statistics.median(row[key] for row in rows), 2) for key in rows[0]}
    result = {
        "device": torch.cuda.get_device_name() if device == "cuda" else f"cpu, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
        "width_divided_by": arguments.width,
        "quantize": arguments.quantize,
        "language_dtype": str(model.llm.dtype).removeprefix("torch."),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "bytes_on_disk": sum(path.stat().st_size for path in arguments.dir.rglob("*") if path.is_file()),
        "load_s": round(load_s, 2),
        "peak_bytes": {"before": before, "loaded": loaded, "after_clips": peak_bytes(device)},
        "ms": clips,
    }
    write_report(result, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
