"""Give every spoken word its time, from the number of its letters or from a recogniser's matrix of scores."""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training.data.manifest import SpokenWord

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)*")


def plain_words(text: str) -> list[str]:
    """Return the words of a text in lower case, without punctuation and accents.

    `don't` is one word and `one-eyed` two.
    """
    letters = (c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    return _WORD.findall("".join(letters).replace("\u2019", "'"))


def divide_time(words: Sequence[str], start: float, end: float) -> list[SpokenWord]:
    """Divide a stretch of speech (seconds) among its words by number of letters, counting one more for each gap."""
    ends = np.cumsum([len(word) + 1 for word in words], dtype=float)
    edges = start + (end - start) * np.concatenate([[0.0], ends]) / max(float(ends[-1]) if len(words) else 1.0, 1.0)
    return [SpokenWord(word, float(edges[n]), float(edges[n + 1])) for n, word in enumerate(words)]


def monotonic_starts(scores: npt.NDArray[np.float64]) -> list[int]:
    """Return the frame at which each row begins, on the best path through scores [rows, frames].

    Each row takes one frame or more, in order, and the sum of the scores on the path is maximal.

    Raises:
        ValueError: there are more rows than frames.
    """
    rows, frames = scores.shape
    if not 0 < rows <= frames:
        raise ValueError(f"{rows} rows cannot share {frames} frames.")
    best = np.full(rows, -np.inf)
    best[0] = scores[0, 0]
    entered = np.zeros((frames, rows), dtype=bool)
    for frame in range(1, frames):
        from_before = np.concatenate([[-np.inf], best[:-1]])
        entered[frame] = from_before > best
        best = np.maximum(best, from_before) + scores[:, frame]
    starts, row = [0] * rows, rows - 1
    for frame in range(frames - 1, 0, -1):
        if entered[frame, row]:
            starts[row] = frame
            row -= 1
    return starts


def cut_at_pauses(words: Sequence[SpokenWord], most_s: float) -> list[list[SpokenWord]]:
    """Cut a text into pieces of at most `most_s` seconds, at the longest gap in the later half of each piece.

    A word that is longer than that is left out.
    """
    left = [word for word in words if word.end - word.start <= most_s]
    pieces: list[list[SpokenWord]] = []
    while left:
        count = sum(word.end - left[0].start <= most_s for word in left)
        if count < len(left):
            gaps = {n: left[n].start - left[n - 1].end for n in range(max(1, count // 2), count + 1)}
            count = max(gaps, key=lambda n: (gaps[n], n))
        pieces.append(left[:count])
        left = left[count:]
    return pieces
