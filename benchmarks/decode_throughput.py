"""Tokens per second of the slot engine against the same modules in a plain `generate` loop, one request at a time.

    python benchmarks/decode_throughput.py [--model DIR] [--threads 2] [--repeats 3] [--json FILE]

Greedy with 16 requests at once, and beam search with 16 requests of 4 beams. Both sides decode the same prompts in one
run, in turn, and their answers are compared. `decode` counts the time after the prompts, `with_prompts` all of it.
`ratio` is by the clock; `ratio_of_cpu_time` is what stays when other work runs on the machine. Then the share of
decoding that grammars and their masks take, on recordings of noise. Bars: 4, 2.5, and 3 %.
"""

import argparse
from pathlib import Path

import torch
from report import tell

from model.measure.clips import noises
from model.measure.decoding import Load, decode_rate
from model.measure.masks import mask_share
from model.measure.suite import machine
from model.pipeline import Pipeline


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    pipeline = Pipeline.load(arguments.model, num_slots=16)
    report = {"machine": machine("cpu")}
    for name, num_beams in (("greedy", 1), ("beam_4", 4)):
        load = Load(requests=16, num_beams=num_beams, repeats=arguments.repeats)
        report[name] = decode_rate(pipeline.model.llm, pipeline.engine, load)
        report[f"masks_{name}"] = mask_share(pipeline, noises(16, 10.0), num_beams=num_beams)
    tell(report, arguments.json)


if __name__ == "__main__":
    main()
