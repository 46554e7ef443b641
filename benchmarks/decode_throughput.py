"""Compare the slot engine's tokens per second with a plain `generate` loop over the same modules.

    python benchmarks/decode_throughput.py [--model DIR] [--threads 2] [--repeats 3] [--json FILE]

The engine decodes 16 requests at once, greedily and with 4 beams; the loop decodes one at a time. Both sides take turns
on the same prompts in one run, and their answers are compared. `decode` is the time after the prompts, `with_prompts`
the whole time. `ratio` is of wall-clock time; `ratio_of_cpu_time` is robust to other work on the machine. Then it
measures the share of decoding spent on grammars and their masks, on recordings of noise. Targets: ratios of 4 (greedy)
and 2.5 (4 beams), and a share of 3 %.
"""

import argparse
from pathlib import Path

import torch
from report import write_report

from model.measure.clips import noises
from model.measure.decoding import Workload, decode_rate
from model.measure.masks import mask_share
from model.measure.suite import machine
from model.pipeline import Pipeline


def main() -> None:
    """Run the benchmark and print its report."""
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
        load = Workload(requests=16, num_beams=num_beams, repeats=arguments.repeats)
        report[name] = decode_rate(pipeline.model.llm, pipeline.engine, load)
        report[f"masks_{name}"] = mask_share(pipeline, noises(16, 10.0), num_beams=num_beams)
    write_report(report, arguments.json)


if __name__ == "__main__":
    main()
