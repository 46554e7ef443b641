"""The command line of `timeaudio data`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from training.data.instructions import INSTRUCTIONS
from training.data.voices import ENGINES, ENGLISH

EXAMPLE = """examples:
  timeaudio data audioset-strong --labels audioset_train_strong.tsv --names mid_to_display_name.tsv \\
      --audio audioset/train --out audioset.jsonl
  timeaudio data cnn-dailymail --articles cnn/stories --speech speech/ --out cnn.jsonl
  timeaudio data join audioset.jsonl cnn.jsonl --out train.jsonl
  timeaudio data check train.jsonl"""

OPEN_AQA_ROWS = 15_000
"""The number of OpenAQA's questions that the paper selected."""

_PATHS = {
    "annotations": "annotations_strong.csv",
    "articles": "folder of .story files, or the 3.0.0 release as JSONL or CSV",
    "audio": "folder of the recordings",
    "captions": "the data set's file of captions",
    "corpus": "folder of LibriSpeech, with *.trans.txt and FLAC files",
    "items": "train.json or test.json, version 2",
    "json": "file of questions and answers, in the authors' format",
    "labels": "audioset_train_strong.tsv",
    "names": "mid_to_display_name.tsv",
    "questions": "all_open_qa.json",
    "speech": "folder to write the speech to",
}
"""Help texts of the builders' path options."""

BENCHMARK = """Write a reproducible synthetic benchmark: composed scenes with fixed seeds and published definitions.

| part | scenes | questions |
|---|---|---|
| `dense` | 200 of 10 s, 1 to 4 events | dense captions |
| `grounding` | the same | for each, up to two present kinds or groups of kinds, and up to two absent ones |
| `questions` | the same | for each, whether a kind is present, and a count, a duration, an order or a moment |
| `long` | 40 of 60 to 150 s | dense captions and groundings |

Recordings: ESC-50's layout, or `clips.csv` with `audio/`; fold 4 of the ten kinds of ESC-10, on which the embedded
checkpoint was not trained. Scenes use `SceneConfig`'s defaults (`training/data/composer.py`): events are at -32 to
-14 dB relative to full scale, and 30 % of the long ones are cut. Half of the events avoid overlap, if fifteen tries
find a place. One in eight has a kind that the scene already has, at least 0.5 s from it. 60 % of the scenes have noise
at -68 to -42 dB. An event is the part of a recording whose RMS over 100 ms is within 30 dB of its loudest.
"""


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the arguments of `timeaudio data`; None means those of the process. `command` is the builder's name."""
    parser = argparse.ArgumentParser(
        prog="timeaudio data", description="Build manifests from published data sets, and check manifests.",
        epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")

    def source(name: str, text: str, *paths: str, writes: bool = False) -> argparse.ArgumentParser:
        """Add a builder's command. If it `writes` sentences, it takes the endpoint options."""
        command = commands.add_parser(name, help=text, description=f"Build a manifest from {text}.")
        for path in paths:
            command.add_argument(f"--{path}", type=Path, required=True, metavar="PATH", help=_PATHS[path])
        if "audio" not in paths:
            command.set_defaults(audio=None)
        command.add_argument("--out", type=Path, required=True, metavar="FILE", help="manifest to write")
        command.set_defaults(endpoint=None)
        if writes:
            _endpoint_options(command)
        return command

    audioset = source("audioset-strong", "AudioSet's strong labels", "labels", "names", "audio", writes=True)
    audioset.add_argument("--absent-share", type=float, default=0.0, help="share of clips with an absent query")
    audioset.add_argument("--evaluation", action="store_true", help="only 770 dense captions, as in the paper")
    source("tacos", "TACOS", "annotations", "audio")
    source("audiotime", "AudioTime", "captions", "audio", writes=True)
    source("audiogrounding", "AudioGrounding", "items", "audio")
    cnn = source("cnn-dailymail", "CNN/DailyMail, read aloud", "articles", "speech")
    cnn.add_argument("--engine", choices=ENGINES, help="speech synthesiser (default: the best that is installed)")
    cnn.add_argument("--voice", type=Path, metavar="FILE", help="recording of a voice that F5-TTS imitates")
    cnn.add_argument("--voice-text", default="", help="what that recording says")
    cnn.add_argument("--limit", type=int, help="use only the first N articles")
    cnn.add_argument("--evaluation", action="store_true", help="only articles under 1600 characters, as in the paper")
    source("librispeech", "LibriSpeech, joined to timelines", "corpus", "speech", writes=True)
    source("transcription", "LibriSpeech, as it is", "corpus")
    openaqa = source("openaqa", "OpenAQA's temporal questions", "questions", "audio")
    openaqa.add_argument("--count", type=int, default=OPEN_AQA_ROWS, help="rows (default: %(default)s)")
    source("audiocaps", "AudioCaps", "captions", "audio")
    source("clotho", "Clotho", "captions", "audio")
    source("ftar", "the authors' own JSON", "json", "audio")
    _scenes(commands.add_parser("scenes", help="compose scenes from labelled recordings"))
    _spoken(commands.add_parser("spoken", help="write clips of speech with the time of every word"))
    _sections(commands.add_parser("sections", help="compose recordings of several sections of speech"))
    _lexicon(commands.add_parser("lexicon", help="list the most frequent words of texts"))
    _tasks(commands.add_parser("tasks", help="write questions and answers about composed scenes"))
    _benchmark(commands.add_parser("benchmark", help="write a reproducible benchmark of composed scenes"))
    check = commands.add_parser("check", help="list every problem in a manifest")
    check.add_argument("manifest", type=Path, help="manifest to check")
    joined = commands.add_parser("join", help="join several manifests")
    joined.add_argument("manifests", type=Path, nargs="+", help="manifests to join")
    joined.add_argument("--out", type=Path, required=True, metavar="FILE", help="manifest to write")
    rephrase = commands.add_parser("rephrase", help="ask an endpoint for other wordings of a task's instructions")
    rephrase.add_argument("task", choices=list(INSTRUCTIONS), help="task whose instructions are reworded")
    rephrase.add_argument("--count", type=int, default=6, help="wordings to ask for (default: %(default)s)")
    _endpoint_options(rephrase)
    return parser.parse_args(argv)


def _scenes(command: argparse.ArgumentParser) -> None:
    command.add_argument("--recordings", type=Path, nargs="+", required=True, metavar="DIR", help="labelled recordings")
    command.add_argument("--side", choices=("train", "validate"), default="train", help="split (default: train)")
    command.add_argument("--count", type=int, default=1000, help="number of scenes (default: %(default)s)")
    command.add_argument(
        "--seconds", type=float, nargs="+", default=[10.0], help="scene lengths, in turn (default: 10)"
    )
    command.add_argument("--seed", type=int, default=0, help="seed of the scenes (default: %(default)s)")
    command.add_argument("--half", type=int, choices=(0, 1), help="use only this half of the sources of each kind")
    command.add_argument("--plain", action="store_true", help="dry mixtures, without rooms, hum and unknown sounds")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")


def _spoken(command: argparse.ArgumentParser) -> None:
    command.description = "Write clips of real and synthetic speech of 3 to 15 s, with the time of every word."
    command.add_argument(
        "--recordings", type=Path, nargs="+", default=[], metavar="DIR",
        help="folders with clips.csv and audio/; the columns transcript or text say what is said, if known",
    )  # fmt: skip
    command.add_argument(
        "--sentences", type=Path, metavar="FILE", help="text file of sentences to read aloud, one per line"
    )
    command.add_argument("--count", type=int, default=1000, help="clips of read sentences (default: %(default)s)")
    command.add_argument(
        "--engine", nargs="+", choices=[engine for engine in ENGINES if engine != "f5-tts"],
        help="speech synthesisers (default: espeak-ng, flite and festival, if installed)",
    )  # fmt: skip
    command.add_argument(
        "--whisper", type=Path, metavar="DIR",
        help="Whisper checkpoint that times the words and transcribes clips without a transcript; without it, each word"
        " of a known text gets a share of the time in proportion to its letters",
    )  # fmt: skip
    command.add_argument(
        "--language", default=ENGLISH, metavar="CODE",
        help="language of the sentences; espeak-ng reads languages other than English, and their words are only marked"
        " as foreign (default: %(default)s)",
    )  # fmt: skip
    command.add_argument("--side", choices=("train", "validate"), default="train", help="split (default: train)")
    command.add_argument("--copies", type=int, default=1, help="clips of each real recording (default: %(default)s)")
    command.add_argument("--seed", type=int, default=0, help="seed of the clips (default: %(default)s)")
    command.add_argument("--plain", action="store_true", help="no rooms, noise or varied levels")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")


def _sections(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Compose recordings of several readers, one section each, with a timeline of how each section begins."
    )
    command.add_argument(
        "--clips", type=Path, nargs="+", required=True, metavar="FILE", help="manifests of `timeaudio data spoken`"
    )
    command.add_argument("--count", type=int, default=24, help="number of recordings (default: %(default)s)")
    command.add_argument(
        "--seconds", type=float, nargs=2, default=(60.0, 150.0), metavar=("LEAST", "MOST"),
        help="approximate length of the recordings (default: 60 150)",
    )  # fmt: skip
    command.add_argument("--seed", type=int, default=0, help="seed of the recordings (default: %(default)s)")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")


def _lexicon(command: argparse.ArgumentParser) -> None:
    command.description = "List the most frequent words of texts, which a transcriber may recognise."
    command.add_argument("texts", type=Path, nargs="+", metavar="FILE", help="text files, or manifests with words")
    command.add_argument("--count", type=int, default=20000, help="maximum number of words (default: %(default)s)")
    command.add_argument("--out", type=Path, required=True, metavar="FILE", help="file to write")


def _tasks(command: argparse.ArgumentParser) -> None:
    command.add_argument("scenes", type=Path, help="scenes.jsonl, as `timeaudio data scenes` writes it")
    command.add_argument("--queries", type=int, default=4, metavar="N", help="queries per scene (default: %(default)s)")
    command.add_argument("--seed", type=int, default=0, help="seed of the questions (default: %(default)s)")
    command.add_argument("--out", type=Path, required=True, metavar="FILE", help="manifest to write")


def _benchmark(command: argparse.ArgumentParser) -> None:
    command.description = BENCHMARK
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.add_argument("--recordings", type=Path, nargs="+", required=True, metavar="DIR", help="labelled data")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    command.add_argument(
        "--scale", type=float, default=1.0, help="share of the scenes to write, up to 1 (default: %(default)s)"
    )


def _endpoint_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--endpoint", metavar="URL", help="OpenAI-compatible API (.../v1); default: templates")
    command.add_argument("--model", default="qwen2.5", help="the endpoint's model (default: %(default)s)")
    command.add_argument("--memory", type=Path, metavar="FILE", help="file that caches the endpoint's answers")
