"""Scores of words: ROUGE-1, ROUGE-L, METEOR 1.5, by the field's own implementations.

METEOR needs Java and the package `pycocoevalcap`, which holds the program of its authors (Denkowski and Lavie 2014) and
its paraphrase table. NLTK's METEOR is another number (0.70 where 1.5 gives 0.24), so it does not stand in.
"""

import importlib.util
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType


class MetricUnavailable(Exception):
    """A score cannot be computed here; the message says what to install."""


@dataclass(frozen=True, slots=True)
class Rouge:
    """F-measures, 0 to 1."""

    one: float
    longest: float


@cache
def _rouge_scorer() -> "object":
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rouge1", "rougeL"], use_stemmer=True)


def rouge(reference: str, predicted: str) -> Rouge:
    """ROUGE-1 and ROUGE-L of a text: F1 of words (ROUGE-1) and of the longest common subsequence of words (ROUGE-L).

    Words are runs of letters and digits in lower case, through Porter's stemmer. ROUGE-L is over the whole text, not
    sentence by sentence ("Lsum"). By Google's `rouge-score`. Source: Lin 2004.
    """
    scores = _rouge_scorer().score(reference, predicted)  # type: ignore[attr-defined]
    return Rouge(float(scores["rouge1"].fmeasure), float(scores["rougeL"].fmeasure))


class Meteor:
    """METEOR 1.5, English, as COCO's captions are scored with it. A context manager around the authors' program.

    Words of both texts are matched one to one: equal ones first, then those of one stem, synonyms and paraphrases, each
    sort with a weight of its own. From the weighted shares of matched words come a precision and a recall, and from
    these their harmonic mean F, tilted to recall; F is lowered by how many runs the matched words fall into. Against
    several references the best one counts. Source: Denkowski, Lavie, "Meteor Universal", 2014.

    A text's statistics add up: the score of a corpus is that of the sum, not the mean of its texts' scores.

    Raises:
        MetricUnavailable: Java or the package is missing.
    """

    def __init__(self) -> None:
        if shutil.which("java") is None:
            raise MetricUnavailable("METEOR 1.5 needs Java: apt-get install default-jre-headless.")
        package = importlib.util.find_spec("pycocoevalcap")
        if package is None or not package.submodule_search_locations:
            raise MetricUnavailable("METEOR 1.5 needs its program: pip install 'timeaudio[field]' (pycocoevalcap).")
        jar = Path(package.submodule_search_locations[0]) / "meteor" / "meteor-1.5.jar"
        self._process = subprocess.Popen(
            ["java", "-jar", "-Xmx2G", str(jar), "-", "-", "-stdio", "-l", "en", "-norm"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
        )  # fmt: skip

    def __enter__(self) -> "Meteor":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait(30)

    def statistics(self, references: str | Sequence[str], predicted: str) -> str:
        """What the score of a text is made of, against that of its references which it is nearest to.

        Raises:
            ValueError: there is no reference.
        """
        due = [references] if isinstance(references, str) else references
        if not due:
            raise ValueError("A text is scored against at least one reference.")
        self._say(" ||| ".join(["SCORE", *(" ".join(text.replace("|||", "").split()) for text in (*due, predicted))]))
        return self._hear()

    def score(self, statistics: Sequence[str]) -> float:
        """The score of a corpus, 0 to 1, from its texts' statistics."""
        if not statistics:
            return 0.0
        self._say("EVAL ||| " + " ||| ".join(statistics))
        return [float(self._hear()) for _ in range(len(statistics) + 1)][-1]

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _hear(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise MetricUnavailable("The METEOR program ended: Java 8 to 21 runs it, with 2 GB of memory.")
        return line.strip()
