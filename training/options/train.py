"""Train one stage on a manifest, from any checkpoint: `timeaudio train --data MANIFEST --from CHECKPOINT`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

EXAMPLE = """examples:
  timeaudio train --data my.jsonl --from timeaudio-small
  timeaudio train --data stage1.jsonl --from start --stage paper-1 --out stage1
  timeaudio train --data stage2.jsonl --from stage1 --stage paper-2 --out timeaudio-mine
  accelerate launch --multi_gpu --num_processes 8 -m training --data stage1.jsonl --from start --stage paper-1
Run the same command again to resume. Exit status: 0 a checkpoint was written, 2 a mistake in the input, 3 no state was
better than the start (few-clips), so none was written, 130 stopped by Ctrl-C, 143 by SIGTERM."""


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the arguments of `timeaudio train`; None means those of the process."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="timeaudio train", description=__doc__, epilog=EXAMPLE, formatter_class=form)
    parser.add_argument("--data", type=Path, required=True, metavar="FILE", help="manifest: see docs/training.md")
    parser.add_argument(
        "--from", dest="start", default="timeaudio-small", metavar="DIR|ORG/NAME",
        help="checkpoint to start from: a directory, or a model on the hub (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--stage", default="few-clips",
        help="few-clips, adapt, align, imitate, small-1, words, paper-1, paper-2, ablation, or a TOML file (default:"
        " few-clips)",
    )  # fmt: skip
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a value of the stage; repeatable"
    )
    parser.add_argument(
        "--validation", type=Path, metavar="FILE", help="manifest to validate on (default: hold out recordings)"
    )
    parser.add_argument(
        "--rehearse", type=Path, metavar="FILE",
        help="few-clips: manifest of sounds that the checkpoint knows (default: the set that comes with TimeAudio)",
    )  # fmt: skip
    parser.add_argument(
        "--out-of-fold", type=Path, metavar="FILE",
        help="manifest of more rows, about recordings that the connector of --imitation was not trained on; for stages"
        " that do not train the connector",
    )  # fmt: skip
    parser.add_argument(
        "--imitation", metavar="DIR|ORG/NAME",
        help="checkpoint of the stage `imitate`, whose connector gives the audio tokens of --out-of-fold",
    )  # fmt: skip
    parser.add_argument(
        "--encoders", metavar="DIR|ORG/NAME",
        help="imitate: checkpoint whose encoders the new connector gets, instead of those of --from",
    )  # fmt: skip
    parser.add_argument(
        "--whisper", type=Path, metavar="DIR|ORG/NAME",
        help="words: whole Whisper checkpoint, whose upper layers the transcriber starts from",
    )  # fmt: skip
    parser.add_argument(
        "--lexicon", type=Path, metavar="FILE",
        help="words: the words that may be recognised, the most frequent first (`timeaudio data lexicon`)",
    )  # fmt: skip
    parser.add_argument(
        "--run", "--state", type=Path,
        help="folder of the run's state; name the same one to resume (default: runs/STAGE; torchrun needs --state)",
    )  # fmt: skip
    parser.add_argument("--cache", type=Path, metavar="DIR", help="cache of the encoders' frames (float16)")
    parser.add_argument("--device", choices=["cpu", "cuda"], help="default: cuda if available")
    parser.add_argument("--out", type=Path, help="checkpoint directory to write (default: RUN/checkpoint)")
    return parser.parse_args(argv)
