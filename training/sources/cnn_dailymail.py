"""Read CNN/DailyMail as speech: articles are read aloud, and their highlights become a timeline.

Files: the original `.story` files (article, then `@highlight` before each highlight), or a JSONL or CSV of the 3.0.0
release (`id`, `article`, `highlights`, one highlight per line).

A highlight's time is that of the run of sentences that it summarises. These runs are not annotated: the sentences are
divided among the highlights, in order, so that sentences share as many words as possible with their highlights. The
paper does not say how it gets its times.

Source: Nallapati et al. 2016; paper, appendix A and C.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.audio.waveform import SAMPLE_RATE
from training.data.acoustics import Samples
from training.data.manifest import Annotation, Row
from training.data.recordings import DataError
from training.data.tts import MAX_SECONDS, synthesise_sentences
from training.data.wav import write_wav

EVALUATION_CHARACTERS = 1600
"""The paper tests on articles with fewer characters."""

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9])")
_DATELINE = re.compile(r"^(?:\([^)]*\)|[A-Z][\w .,]{0,60}\(CNN\))\s*-+\s*")


@dataclass(frozen=True, slots=True)
class Article:
    """An article's sentences and its highlights."""

    name: str
    sentences: tuple[str, ...]
    highlights: tuple[str, ...]
    num_characters: int


def read_articles(path: Path) -> list[Article]:
    """Read the articles of a folder of `.story` files, a `.jsonl` or a `.csv`.

    Raises:
        DataError: the path is none of these, or a field is missing.
    """
    if path.is_dir():
        stories = sorted(path.rglob("*.story"))
        if not stories:
            raise DataError(f"{path} holds no .story files: unpack cnn_stories.tgz or dailymail_stories.tgz there.")
        return [_story(story) for story in stories]
    if not path.is_file():
        raise DataError(f"{path} is neither a folder of .story files nor a .jsonl or .csv of version 3.0.0.")
    with path.open(newline="", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file] if path.suffix == ".jsonl" else list(csv.DictReader(file))
    if rows and not {"id", "article", "highlights"} <= rows[0].keys():
        raise DataError(f"{path} needs id, article and highlights; it has {', '.join(rows[0])}.")
    return [_article(row["id"], row["article"], row["highlights"].splitlines()) for row in rows]


def _story(path: Path) -> Article:
    body, *highlights = path.read_text(encoding="utf-8").split("@highlight")
    return _article(path.stem, body, highlights)


def _article(name: str, body: str, highlights: Iterable[str]) -> Article:
    text = _DATELINE.sub("", " ".join(body.split()))
    sentences = tuple(s for s in _SENTENCE_END.split(text) if any(c.isalnum() for c in s))
    points = tuple(" ".join(h.split()).removesuffix(" .").rstrip(".") for h in highlights if h.strip())
    return Article(name, sentences, tuple(f"{point}." for point in points if point), len(" ".join(body.split())))


def timelines(
    articles: Iterable[Article],
    folder: Path,
    synthesiser: Callable[[str, str], Samples],
    *,
    max_characters: int | None = None,
    max_seconds: float = MAX_SECONDS,
) -> Iterator[Row]:
    """Yield a row for each article that can be spoken within `max_seconds`. Recordings are written to `folder`."""
    for article in articles:
        if max_characters is not None and article.num_characters >= max_characters:
            continue
        if not article.highlights or len(article.sentences) < len(article.highlights):
            continue
        samples, spans = synthesise_sentences(article.sentences, article.name, synthesiser)
        if len(samples) > max_seconds * SAMPLE_RATE:
            continue
        path = folder / f"{article.name}.wav"
        write_wav(path, samples)
        events = tuple(
            Annotation(((round(spans[first][0], 3), round(spans[last][1], 3)),), text)
            for text, first, last in align(article.sentences, article.highlights)
        )
        yield Row(
            id=f"cnn-dailymail-{article.name}", audio=str(path.resolve()), task="summarize", events=events,
            duration=round(len(samples) / SAMPLE_RATE, 3), source="cnn_dailymail",
        )  # fmt: skip


def align(sentences: Sequence[str], highlights: Sequence[str]) -> list[tuple[str, int, int]]:
    """Return each highlight with its first and last sentence, in order of time. Each sentence belongs to one highlight.

    Highlights are sorted by the position of their most similar sentence. Each then gets a run of at least one sentence,
    so that the F1 of shared words, summed over all sentences, is maximal.

    Raises:
        ValueError: there are no highlights, or more highlights than sentences.
    """
    if not 0 < len(highlights) <= len(sentences):
        raise ValueError(f"{len(highlights)} highlights cannot divide {len(sentences)} sentences.")
    similarity = np.array([[_similarity(s, h) for h in highlights] for s in sentences])
    order = sorted(range(len(highlights)), key=lambda h: (int(similarity[:, h].argmax()), h))
    sums = np.concatenate([np.zeros((1, len(order))), np.cumsum(similarity[:, order], axis=0)])
    best = np.full((len(order) + 1, len(sentences) + 1), -np.inf)
    best[0, 0] = 0.0
    run_start = np.zeros(best.shape, dtype=int)
    for h in range(1, len(order) + 1):
        for end in range(h, len(sentences) + 1):
            totals = best[h - 1, :end] + sums[end, h - 1] - sums[:end, h - 1]
            # On a tie a sentence stays with the previous highlight.
            run_start[h, end] = end - 1 - int(totals[::-1].argmax())
            best[h, end] = totals[run_start[h, end]]
    runs, end = [], len(sentences)
    for h in range(len(order), 0, -1):
        first = int(run_start[h, end])
        runs.append((highlights[order[h - 1]], first, end - 1))
        end = first
    return runs[::-1]


def _similarity(a: str, b: str) -> float:
    words_a, words_b = (set(re.findall(r"\w{3,}", text.lower())) for text in (a, b))
    return 2 * len(words_a & words_b) / (len(words_a) + len(words_b)) if words_a or words_b else 0.0
