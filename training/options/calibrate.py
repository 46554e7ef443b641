"""Fit a checkpoint's confidence on composed scenes, and measure it on scenes of other recordings.

First, it fits a map from people's words to the audio tokens of the sounds that they name. Second, it fits how to decide
whether and when a query occurs, from what the language model says and from how much the audio tokens resemble the
words. From then on, that resemblance also helps to choose the words of captions. Last, it fits the confidence of
intervals.

The held-out recordings are split in two by source. Scenes are composed from each half, including sounds of unknown
kinds, noise, hum and silence, and the checkpoint answers questions about them. An interval is right if its kind is
right and its IoU with an event of that kind is 0.5 or more; in grounding the kind is the query's, and half of the
queries are absent. The task `ask` is fitted on "Is there ...?" questions. Captions that call a sound unidentified are
left out.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the arguments of `timeaudio calibrate`; None means those of the process."""
    parser = argparse.ArgumentParser(prog="timeaudio calibrate", description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, nargs="+", metavar="DIR", help="folders with clips.csv and audio/")
    source.add_argument(
        "--summaries", type=Path, nargs="+", metavar="FILE",
        help="instead of --data: manifests of recordings with known words, and of sounds, to fit summaries on",
    )  # fmt: skip
    parser.add_argument(
        "--model", type=Path, required=True, metavar="DIR|ORG/NAME", help="checkpoint directory, or a model on the hub"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="file to write, with words.safetensors beside it (default: calibration.json in the checkpoint directory)",
    )
    parser.add_argument(
        "--captions", type=Path, nargs="+", default=(), metavar="FILE",
        help="manifests whose dense captions the checkpoint was also trained on, such as those of its own new sounds",
    )  # fmt: skip
    parser.add_argument(
        "--scenes", type=int, default=400, help="scenes to fit on, and as many to measure on (default: %(default)s)"
    )
    parser.add_argument(
        "--false-alarms", type=_share, default=0.08, metavar="SHARE",
        help="largest share of absent queries, on the scenes to fit on, that may get intervals (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=11, help="seed of the scenes (default: %(default)s)")
    return parser.parse_args(argv)


def _share(text: str) -> float:
    share = float(text)
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"a share is between 0 and 1, not {text}")
    return share
