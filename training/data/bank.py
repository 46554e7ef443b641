"""A bank of spoken sentences, each spoken once."""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.progress import track

from training.data.bulletins import FACTS, FILLERS, HEADLINES, combinations, share_of, written
from training.data.recordings import DataError
from training.data.speaking import Samples, say_as, trimmed, voices_for
from training.data.voices import VOICES, Voice

SPEAKERS = 8


@dataclass(frozen=True, slots=True)
class Sentence:
    """A spoken sentence, at [start, end) samples of the bank. A filler has no facts.

    `spans` tells from where to where in the sentence the phrase of each fact is, in samples: estimated, by letters.
    """

    voice: str
    text: str
    start: int
    end: int
    facts: dict[str, str]
    spans: dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Bank:
    """Spoken sentences by voice, and all of their samples, int16 [num_samples], on disk."""

    samples: npt.NDArray[np.int16]
    headlines: dict[str, tuple[Sentence, ...]]
    fillers: dict[str, tuple[Sentence, ...]]
    held_out: bool
    """Whether it is for validation."""

    def heard(self, sentence: Sentence) -> Samples:
        """Its samples, float32 [num_samples]."""
        return self.samples[sentence.start : sentence.end].astype(np.float32) / np.float32(32_768)


def spoken_bank(
    folder: Path,
    *,
    headlines: int,
    fillers_per_voice: int,
    held_out: bool,
    seed: int,
    voices: Sequence[Voice] | None = None,
) -> Bank:
    """The bank in `folder`, which is spoken and written first where it is not there.

    Held-out combinations of facts are read by the unseen voices, the others by those for training, as far as they are
    installed; or by `voices`. Headlines go round combinations and engines, and round each engine's voices: twenty
    voices of one engine are less different than two of two.

    Raises:
        DataError: `folder` holds a bank of another kind, or no voice is installed.
    """
    recipe = {
        "headlines": headlines, "fillers_per_voice": fillers_per_voice, "held_out": held_out, "seed": seed,
        "words": hashlib.sha256(repr((FACTS, HEADLINES, FILLERS)).encode()).hexdigest()[:16],
    }  # fmt: skip
    index = folder / "index.json"
    if not index.is_file():
        _speak_bank(folder, recipe, voices or voices_for(held_out=held_out))
    told = json.loads(index.read_text(encoding="utf-8"))
    if told["recipe"] != recipe or (voices and told["voices"] != [str(voice) for voice in voices]):
        raise DataError(f"{folder} holds another bank ({told['recipe']}): name another folder, or remove it.")
    return read_bank(folder)


def read_bank(folder: Path) -> Bank:
    """The bank in `folder`, whatever it was asked to be.

    Raises:
        DataError: there is none, or voices spoke it that are not known here.
    """
    index = folder / "index.json"
    if not index.is_file():
        raise DataError(f"{folder} holds no spoken sentences: `timeaudio data bulletins --bank {folder}` speaks some.")
    told = json.loads(index.read_text(encoding="utf-8"))
    if unknown := sorted(set(told["voices"]) - set(map(str, VOICES))):
        raise DataError(f"{folder} was spoken by voices of an older version ({', '.join(unknown)}): remove it.")
    sentences = [
        Sentence(**{**row, "spans": {key: (start, end) for key, (start, end) in row["spans"].items()}})
        for row in told["sentences"]
    ]
    return Bank(
        np.load(folder / "sentences.npy", mmap_mode="r"),
        {name: tuple(s for s in sentences if s.voice == name and s.facts) for name in told["voices"]},
        {name: tuple(s for s in sentences if s.voice == name and not s.facts) for name in told["voices"]},
        told["recipe"]["held_out"],
    )


def _speak_bank(folder: Path, recipe: dict[str, Any], voices: Sequence[Voice]) -> None:
    rng = np.random.default_rng([recipe["seed"], 11])
    todo: list[tuple[Voice, str, dict[str, str]]] = []
    every = combinations(held_out=recipe["held_out"])
    engines = [
        [voice for voice in voices if voice.engine == engine] for engine in dict.fromkeys(v.engine for v in voices)
    ]
    while len(todo) < recipe["headlines"]:
        for place in rng.permutation(len(every))[: recipe["headlines"] - len(todo)]:
            template = HEADLINES[int(rng.integers(len(HEADLINES)))]
            turn, engine = divmod(len(todo), len(engines))
            voice = engines[engine][turn % len(engines[engine])]
            todo.append((voice, written(template, **every[place]), every[place]))
    for voice in voices:
        chosen = rng.permutation(len(FILLERS))[: recipe["fillers_per_voice"]]
        todo += [(voice, FILLERS[place], {}) for place in chosen]
    parts: list[npt.NDArray[np.int16]] = []
    sentences: list[Sentence] = []
    start = 0

    def say(voice: Voice, text: str) -> npt.NDArray[np.int16]:
        return np.round(trimmed(say_as(voice, text), text) * 32_767).astype(np.int16)

    # The speaking is done by other programs, so threads are enough.
    with ThreadPoolExecutor(SPEAKERS) as pool:
        said = pool.map(say, *zip(*((voice, text) for voice, text, _ in todo), strict=True))
        for (voice, text, facts), part in track(zip(todo, said, strict=True), f"{len(voices)} voices", len(todo)):
            shares = {key: share_of(value, text) for key, value in facts.items()}
            spans = {key: (round(a * len(part)), round(b * len(part))) for key, (a, b) in shares.items()}
            sentences.append(Sentence(str(voice), text, start, start + len(part), facts, spans))
            parts.append(part)
            start += len(part)
    folder.mkdir(parents=True, exist_ok=True)
    with (whole := folder / "sentences.npy.part").open("wb") as file:
        np.save(file, np.concatenate(parts))
    whole.replace(folder / "sentences.npy")
    # The index comes last: where it stands, the bank is whole.
    unfinished = folder / "index.json.part"
    told = {"recipe": recipe, "voices": [str(v) for v in voices], "sentences": [asdict(s) for s in sentences]}
    unfinished.write_text(json.dumps(told, indent=0), encoding="utf-8")
    unfinished.replace(folder / "index.json")


def draw_voice(bank: Bank, rng: np.random.Generator) -> str:
    """One of the bank's voices, each engine as often as any."""
    engine = str(rng.choice(list(dict.fromkeys(voice.partition(":")[0] for voice in bank.headlines))))
    return str(rng.choice([voice for voice in bank.headlines if voice.startswith(f"{engine}:")]))
