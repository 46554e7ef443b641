"""Score text with ROUGE-1, ROUGE-L and METEOR 1.5, using the reference implementations.

METEOR needs Java and the package `pycocoevalcap`, which contains its authors' program (Denkowski and Lavie 2014) and
paraphrase table. NLTK's METEOR gives different numbers (0.70 where 1.5 gives 0.24), so it is not a substitute.
"""

import importlib.util
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


class MetricUnavailable(Exception):
    """A score cannot be computed here; the message says what to install."""


@dataclass(frozen=True, slots=True)
class Rouge:
    """F-measures, 0 to 1."""

    one: float
    longest: float


@cache
def _rouge_scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rouge1", "rougeL"], use_stemmer=True)


def rouge(reference: str, predicted: str) -> Rouge:
    """Return ROUGE-1 and ROUGE-L of a text: the F1 of words, and of the longest common subsequence of words.

    Words are runs of letters and digits in lower case, stemmed by Porter's stemmer. ROUGE-L is over the whole text, not
    sentence by sentence ("Lsum"). Computed by Google's `rouge-score`. Source: Lin 2004.
    """
    scores = _rouge_scorer().score(reference, predicted)
    return Rouge(float(scores["rouge1"].fmeasure), float(scores["rougeL"].fmeasure))


class Meteor:
    """METEOR 1.5 for English, as COCO scores captions. A context manager around the authors' program.

    Words of both texts are matched one to one: equal words first, then equal stems, synonyms and paraphrases, each type
    with its own weight. The weighted shares of matched words give precision and recall, and their harmonic mean F
    favours recall; a penalty grows with the number of separate runs of matched words. With several references the best
    one counts. Source: Denkowski, Lavie, "Meteor Universal", 2014.

    Statistics add up: the score of a corpus is the score of the sum, not the mean of its texts' scores.

    Raises:
        MetricUnavailable: Java or the package is missing.
    """

    def __init__(self) -> None:
        if shutil.which("java") is None:
            raise MetricUnavailable("METEOR 1.5 needs Java: run apt-get install default-jre-headless.")
        package = importlib.util.find_spec("pycocoevalcap")
        if package is None or not package.submodule_search_locations:
            raise MetricUnavailable(
                "METEOR 1.5 needs pycocoevalcap: run pip install -e '.[field]' in a clone of TimeAudio."
            )
        jar = Path(package.submodule_search_locations[0]) / "meteor" / "meteor-1.5.jar"
        self._process = subprocess.Popen(
            ["java", "-jar", "-Xmx2G", str(jar), "-", "-", "-stdio", "-l", "en", "-norm"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
        )  # fmt: skip

    def __enter__(self) -> "Meteor":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()  # it has answered; while still starting, it would ignore the end of its input
        self._process.communicate()  # waits, and closes the pipes

    def statistics(self, references: str | Sequence[str], predicted: str) -> str:
        """Return the statistics of a text's score against its nearest reference.

        Raises:
            ValueError: there is no reference.
        """
        texts = [references] if isinstance(references, str) else references
        if not texts:
            raise ValueError("METEOR needs at least one reference.")
        self._send(
            " ||| ".join(["SCORE", *(" ".join(text.replace("|||", "").split()) for text in (*texts, predicted))])
        )
        return self._receive()

    def score(self, statistics: Sequence[str]) -> float:
        """Return the score of a corpus, 0 to 1, from its texts' statistics."""
        if not statistics:
            return 0.0
        self._send("EVAL ||| " + " ||| ".join(statistics))
        return [float(self._receive()) for _ in range(len(statistics) + 1)][-1]

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _receive(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise MetricUnavailable("The METEOR program ended unexpectedly. It needs Java 8 to 21 and 2 GB of memory.")
        return line.strip()
