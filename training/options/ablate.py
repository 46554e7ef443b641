"""Run an ablation with one command: `timeaudio ablate SET ...`. All rows train in the same way except for one setting.

| set | rows |
|---|---|
| `components` | the paper's Table 3: markers (initialised or not), time encoding, merging |
| `ratio` | the paper's Table 4: retained ratio 0.10 to 0.30 |
| `merge-score` | ours: dominant tokens by attention (Eq. 5), by joint cross-attention mass, by feature norm, evenly |
| `options` | ours: time weight, digit loss, presence weight, absent queries, times among the audio tokens |
| `decoding` | ours, one training run: with and without the grammar, one pass and windows of 30 s |

Each row trains one stage: `paper-1` for `components` and `options`, `paper-2` for the others, because its recordings
are long enough to merge. The paper's rows went through both stages; for that, start from a checkpoint after
stage 1 with --from.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from training.ablation_sets import SETS


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the arguments of `timeaudio ablate`; None means those of the process."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="timeaudio ablate", description=__doc__, formatter_class=form)
    parser.add_argument("set", choices=list(SETS), help="the ablation, see above")
    parser.add_argument("--data", type=Path, required=True, metavar="FILE", help="manifest to train on")
    parser.add_argument("--test", type=Path, required=True, metavar="FILE", help="manifest to score on")
    parser.add_argument(
        "--from", dest="start", default="timeaudio-small", metavar="DIR|ORG/NAME",
        help="checkpoint to start each row from (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--stage", help="paper-1, paper-2, ablation, adapt, or a TOML file (default: see above)")
    parser.add_argument(
        "--set", dest="changes", action="append", default=[], metavar="KEY=VALUE",
        help="change a value of the stage; repeatable",
    )  # fmt: skip
    parser.add_argument("--cache", type=Path, metavar="DIR", help="cache of the encoders' frames, shared by all rows")
    parser.add_argument("--device", choices=["cpu", "cuda"], help="default: cuda if available")
    parser.add_argument(
        "--run", type=Path, help="folder of the run; name the same one to resume (default: runs/ablate-SET)"
    )
    return parser.parse_args(argv)
