"""Compare the words that a transcriber recognises with those that are said: `timeaudio evaluate --words`."""

from collections.abc import Sequence
from pathlib import Path

import jiwer
from rich.console import Console
from rich.progress import track

from model.audio.decode import decode_audio
from model.engine.summary import read_words
from model.pipeline import Pipeline
from training.data.manifest import Row
from training.data.recordings import DataError
from training.metrics.bootstrap import bootstrap
from training.scoring import Score
from training.stage_data import MAX_SECONDS


def word_scores(pipeline: Pipeline, rows: Sequence[Row], folder: Path) -> list[Score]:
    """Return the share of words that are right, and of words that are inserted, over recordings with known words.

    A word is right if it survives the fewest edits (Levenshtein) that turn the recognised text into the real one.

    Raises:
        DataError: the checkpoint has no transcriber, or no row has words.
    """
    if pipeline.model.transcriber is None:
        raise DataError(f"{pipeline.name} has no transcriber: it does not recognise words.")
    spoken = [row for row in rows if row.words]
    if not spoken:
        raise DataError("The manifest has no spoken words: `timeaudio data spoken` writes them.")
    counts: list[tuple[int, int, int]] = []
    for row in track(spoken, description="recordings", console=Console(stderr=True)):
        recording = pipeline.encode(decode_audio(row.path(folder).read_bytes(), max_seconds=MAX_SECONDS))
        assert recording.speech is not None, "the checkpoint has a transcriber"
        found = read_words(pipeline.model.transcriber, recording.speech)
        edits = jiwer.process_words(" ".join(word.text for word in row.words), " ".join(word.text for word in found))
        counts.append((edits.hits, edits.insertions, len(row.words)))
    names = ("words right", "words inserted")
    return [_share(name, [(count[place], count[2]) for count in counts]) for place, name in enumerate(names)]


def _share(name: str, counts: Sequence[tuple[int, int]]) -> Score:
    found = bootstrap(counts, lambda some: sum(part for part, _ in some) / sum(whole for _, whole in some))
    return Score(name, found.value, sum(whole for _, whole in counts), found.low, found.high, "of all words said")
