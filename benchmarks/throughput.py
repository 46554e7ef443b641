"""Compare clips per second over HTTP with many clients to a plain loop of encode and `generate` in this process.

    python benchmarks/throughput.py [--model DIR] [--clients 16] [--clips 64] [--loop-clips 8] [--seconds 10]
                                    [--workers 1] [--beams 1] [--rounds 5] [--json FILE]

Each clip is different (`sound.clips`). The loop uses the same checkpoint and takes turns with the server; it decodes
the same WAV files and asks the same question, without a grammar. On both sides the model decides where answers end.
Target: a ratio of 3.
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import torch
from report import write_report
from sound import clips
from tested_server import tested_server

from model.audio.decode import decode_audio
from model.audio.waveform import SAMPLE_RATE
from model.language.decoding import Decoding
from model.language.generate import generate
from model.language.prompt import prompt_ids, question_of, splice
from model.measure.suite import machine
from model.pipeline import Pipeline
from timeaudio.client import Client


def loop(pipeline: Pipeline, files: list[bytes], decoding: Decoding) -> tuple[float, int]:
    """Return clips per second, one after another, and the tokens of their answers."""
    llm, tokens = pipeline.model.llm, 0
    began = time.perf_counter()
    for file in files:
        recording = pipeline.encode(decode_audio(file, max_seconds=150.0))
        before, after = prompt_ids(pipeline.tokenizer, pipeline.model.config.prompt, question_of("dense_caption"))
        with torch.inference_mode():
            prompt = splice(llm.get_input_embeddings(), before, recording.audio_tokens, after)
        tokens += len(generate(llm, prompt, decoding))
    return len(files) / (time.perf_counter() - began), tokens


def served(url: str, files: list[bytes], num_clients: int, options: dict[str, int]) -> tuple[float, int]:
    """Return clips per second with `num_clients` clients that are always busy, and the tokens of the answers."""
    with Client(url, timeout=600) as client, ThreadPoolExecutor(num_clients) as threads:
        began = time.perf_counter()
        answers = list(threads.map(lambda file: client.dense_caption(file, **options), files))
        rate = len(files) / (time.perf_counter() - began)
    return rate, sum(answer.usage.completion_tokens for answer in answers)


def main() -> None:
    """Run the benchmark and print its report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--loop-clips", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=1, help="workers of the server; they share the cores")
    parser.add_argument("--beams", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5, help="how many times both sides run, in turn")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    files = clips(arguments.clips, arguments.seconds)
    pipeline = Pipeline.load(arguments.model)
    decoding = Decoding(num_beams=arguments.beams).for_recording(round(arguments.seconds * SAMPLE_RATE))
    looped, hosted = [], []
    with tested_server(arguments.model, "--workers", str(arguments.workers)) as server:
        loop(pipeline, files[:1], decoding)
        served(server.url, files[: arguments.clients], arguments.clients, {"num_beams": arguments.beams})
        # In turn, so that other work on the machine affects both equally.
        for _ in range(arguments.rounds):
            looped.append(loop(pipeline, files[: arguments.loop_clips], decoding))
            hosted.append(served(server.url, files, arguments.clients, {"num_beams": arguments.beams}))
    ratios = [rate / loop_rate for (rate, _), (loop_rate, _) in zip(hosted, looped, strict=True)]
    report = {
        "machine": machine("cpu"),
        "clients": arguments.clients,
        "clips": len(files),
        "seconds": arguments.seconds,
        "num_beams": arguments.beams,
        "workers": arguments.workers,
        "server_clips_per_s": median(rate for rate, _ in hosted),
        "loop_clips_per_s": median(rate for rate, _ in looped),
        "ratio": median(ratios),
        "ratios": ratios,
        "server_mean_tokens": hosted[0][1] / len(files),
        "loop_mean_tokens": looped[0][1] / min(len(files), arguments.loop_clips),
    }
    write_report(report, arguments.json)


if __name__ == "__main__":
    main()
