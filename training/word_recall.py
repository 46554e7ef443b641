"""Measure how many spoken words the windows' tokens hold, without the language model: `timeaudio evaluate --words`.

A word is found if its input embedding is among those nearest to the token of a window in which it is spoken, out of all
words of the manifests. The control looks for the words of another recording at the same times: its result is what
frequent words contribute.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from model.language.tokenizer import Tokenizer
from model.timeaudio import TimeAudio
from training.data.function_words import is_content_word
from training.data.manifest import Row, SpokenWord
from training.data.recordings import DataError
from training.metrics.bootstrap import bootstrap
from training.scoring import Score
from training.stage_data import FeatureExtractor, lengths
from training.word_targets import SLIVER, cosines, word_vectors

NEAREST = (1, 3)
BATCH = 16


class WordCount(NamedTuple):
    """Of one recording: how many content words there are, and how many are found, by the number of nearest words."""

    num_words: int
    found: tuple[int, ...]


def word_recall(
    model: TimeAudio, tokenizer: Tokenizer, rows: Sequence[Row], folder: Path, known: Sequence[Row]
) -> list[Score]:
    """Return the share of content words that are found, and the control's.

    Args:
        rows: spoken clips, of readers that were not trained on.
        folder: what their audio paths are relative to.
        known: the rows that the model trained on: their words are candidates too, and their hours are reported.

    Raises:
        DataError: there are no spoken content words.
    """
    spoken = [row for row in rows if any(is_content_word(word.text) for word in row.words)]
    if not spoken:
        raise DataError("The manifest has no spoken words: `timeaudio data spoken` writes them.")
    hours = sum(row.duration or 0.0 for row in known if row.words) / 3600
    about = f"{len({row.source for row in spoken})} readers; {hours:.2f} h of speech in --words"
    scores = []
    own, other = _found(model, tokenizer, spoken, folder, [*spoken, *known])
    for name, units in (("words", own), ("control", other)):
        for place, nearest in enumerate(NEAREST):
            estimate = bootstrap(units, lambda some, at=place: _recall(some, at))  # type: ignore[misc]
            among = "nearest word" if nearest == 1 else f"{nearest} nearest words"
            scores.append(Score(
                f"{name}: {among}", estimate.value, sum(unit.num_words for unit in units), estimate.low, estimate.high,
                about if name == "words" else "another recording's words",
            ))  # fmt: skip
    return scores


def _recall(units: Sequence[WordCount], place: int) -> float:
    return sum(unit.found[place] for unit in units) / max(1, sum(unit.num_words for unit in units))


@torch.no_grad()
def _found(
    model: TimeAudio, tokenizer: Tokenizer, rows: Sequence[Row], folder: Path, known: Sequence[Row]
) -> tuple[list[WordCount], list[WordCount]]:
    """Return what is found of each row's own words, and of those of the row half a list away."""
    words = sorted({word.text for row in known for word in row.words})
    places = {text: place for place, text in enumerate(words)}
    vectors = word_vectors(model.llm.get_input_embeddings().weight, tokenizer, words)
    centre = vectors.mean(dim=0)
    features = FeatureExtractor(model, folder, None)
    window_s = model.config.window.num_frames / 50
    own: list[WordCount] = []
    other: list[WordCount] = []
    model.eval()
    for first in range(0, len(rows), BATCH):
        part = rows[first : first + BATCH]
        for row, frames, count in zip(part, features.frames(part), lengths(part), strict=True):
            fused = model.fusion(*frames)
            tokens = model.connector(fused, [count], may_merge=False)[0].float()
            nearest = cosines(tokens, vectors, centre).topk(min(max(NEAREST), len(words)), dim=-1).indices
            others = rows[(len(own) + len(rows) // 2) % len(rows)].words  # copies of a clip are neighbours
            own.append(_count(nearest, row.words, [places[word.text] for word in row.words], window_s))
            texts = [others[n % len(others)].text for n in range(len(row.words))]
            other.append(_count(nearest, row.words, [places[text] for text in texts], window_s, texts))
    return own, other


def _count(
    nearest: Tensor, words: Sequence[SpokenWord], places: Sequence[int], window_s: float, texts: Sequence[str] = ()
) -> WordCount:
    """Count the content words whose place is among the `nearest` [windows, words] of a window that they overlap."""
    count, found = 0, [0] * len(NEAREST)
    for word, place, text in zip(words, places, texts or [w.text for w in words], strict=True):
        if not is_content_word(text):
            continue
        count += 1
        first = min(int(word.start / window_s), len(nearest) - 1)
        heard = nearest[first : max(first + 1, math.ceil((word.end - SLIVER) / window_s))]
        for at, number in enumerate(NEAREST):
            found[at] += bool((heard[:, :number] == place).any())
    return WordCount(count, tuple(found))
