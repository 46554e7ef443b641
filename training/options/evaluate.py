"""The command line of `timeaudio evaluate`: one form scores a manifest, the other composed scenes."""

import argparse
from collections.abc import Sequence
from pathlib import Path

MANIFEST = "Score a checkpoint's answers, or any system's predictions, on a manifest."
SCENES = "Score a checkpoint on scenes composed of held-out recordings, as a table and optionally as JSON."

PASS_S = 15.0
"""The longest pass by default, as that of a server."""


def is_about_manifest(argv: Sequence[str]) -> bool:
    """Return whether the arguments ask to score a manifest. The help shows both forms, so it does not count."""
    is_help = bool({"-h", "--help"} & set(argv))
    return not is_help and any(word.endswith(".jsonl") or word.startswith("--predictions") for word in argv)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments of `timeaudio evaluate`."""
    if is_about_manifest(argv):
        return manifest_parser().parse_args(argv)
    if {"-h", "--help"} & set(argv):
        print(manifest_parser().format_help() + "\n\nOr, to score on composed scenes:\n")
    return _scenes_parser().parse_args(argv)


def manifest_parser() -> argparse.ArgumentParser:
    """Return the parser of the form that scores a manifest."""
    parser = argparse.ArgumentParser(prog="timeaudio evaluate", description=MANIFEST)
    parser.add_argument("--data", type=Path, required=True, metavar="FILE", help="manifest with questions and answers")
    parser.add_argument(
        "--predictions", type=Path, metavar="FILE", help="JSONL of any system's answers, each with the id of its line"
    )
    parser.add_argument(
        "--model",
        type=Path,
        metavar="DIR|ORG/NAME",
        help="without --predictions: checkpoint (default: the embedded one)",
    )
    parser.add_argument(
        "--words", action="store_true", help="score the words that the checkpoint recognises, not its answers"
    )
    parser.add_argument("--beams", type=int, default=1, help="1 is greedy (default: %(default)s)")
    parser.add_argument("--no-grammar", action="store_true", help="decode without the grammar (ablation)")
    parser.add_argument("--windows", action="store_true", help="cut recordings into 30 s windows (ablation)")
    parser.add_argument("--device", choices=["cpu", "cuda"], help="default: cuda if available")
    parser.add_argument("--save", type=Path, metavar="FILE", help="file to write the answers to, as JSONL")
    parser.add_argument("--json", type=Path, metavar="FILE", help="file to write the scores to")
    return parser


def _scenes_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="timeaudio evaluate", description=SCENES)
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, metavar="DIR",
        help="folders with clips.csv or meta/esc50.csv, and audio/; or a manifest (.jsonl)",
    )  # fmt: skip
    parser.add_argument(
        "--model",
        type=Path,
        metavar="DIR|ORG/NAME",
        help="checkpoint directory, or a model on the hub (default: the embedded one)",
    )
    parser.add_argument("--scenes", type=int, default=200, help="number of scenes (default: %(default)s)")
    parser.add_argument("--seconds", type=float, nargs="+", default=[10.0], help="scene lengths, in turn (default: 10)")
    parser.add_argument("--max-events", type=int, default=4, help="maximum events per 10 s (default: %(default)s)")
    parser.add_argument(
        "--kinds", nargs="+", default=["all"], metavar="KIND", help="all, ten (ESC-10), or names of kinds"
    )
    parser.add_argument("--realistic", action="store_true", help="rooms, hum, noise and unknown sounds, as in training")
    parser.add_argument(
        "--half",
        type=int,
        choices=(0, 1),
        help="use this half of the sources of --data (calibrate fits on half 0)",
    )
    parser.add_argument("--wordings", choices=("held-out", "trained"), default="held-out", help="query wordings")
    parser.add_argument("--pass-seconds", type=float, default=PASS_S, help="longest pass (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="seed of the scenes (default: %(default)s)")
    parser.add_argument("--beams", type=int, default=1, help="1 is greedy (default: %(default)s)")
    parser.add_argument(
        "--meteor", action="store_true", help="add METEOR 1.5 of captions; needs the extra `field`, and Java"
    )
    parser.add_argument("--questions", action="store_true", help="ask free questions instead of captions and queries")
    parser.add_argument("--json", type=Path, help="file to write the scores to")
    return parser
