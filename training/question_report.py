"""Score a checkpoint's answers to free questions about composed scenes, in wordings that were never trained on.

Each scene gets four questions: whether a present kind is heard, whether an absent kind is heard, when a present kind is
heard, and one question that is off topic or not in English.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from model.audio.waveform import Waveform
from model.pipeline import ParsedAnswer, Pipeline
from training.data.answers import by_kind
from training.data.composer import Pool, SceneConfig, compose
from training.data.draws import choose
from training.data.questions import Aim, held_out_wordings
from training.data.vocabulary import UNKNOWN, vocabulary
from training.data.vocabulary import held_out_wordings as held_out_queries
from training.metrics.grounding import ScoredGrounding, score_grounding

YES = "Yes"


@dataclass(slots=True)
class QuestionReport:
    """The scored answers, by type of question."""

    yes: list[bool] = field(default_factory=list)
    """Whether each question about a present kind was answered "yes"."""
    no: list[bool] = field(default_factory=list)
    """Whether each question about an absent kind was not answered "yes", and had no times."""
    when: list[ScoredGrounding] = field(default_factory=list)
    off_topic: list[bool] = field(default_factory=list)
    other_language: list[bool] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the shares of right answers, 0 to 1, and the numbers of questions."""
        when = score_grounding(self.when)
        fixed = {"off_topic": self.off_topic, "other_language": self.other_language}
        return {
            "yes": _share(self.yes), "no": _share(self.no), "num_scenes": len(self.no),
            "when": {"recall_50": when.recall_50, "miou": when.miou, "answered": when.present_accuracy},
            **{name: _share(right) for name, right in fixed.items()},
        }  # fmt: skip


def score_questions(
    pipeline: Pipeline, pool: Pool, configs: Sequence[SceneConfig], *, scenes: int, seed: int
) -> QuestionReport:
    """Ask about `scenes` composed scenes, with the configs in turn. The same seed composes the same scenes."""
    report, wordings = QuestionReport(), held_out_wordings()
    for index in track(range(scenes), description="scenes", console=Console(stderr=True)):
        rng = np.random.default_rng([seed, index])
        scene = compose(pool, configs[index % len(configs)], rng)
        present = by_kind(scene.events, len(scene.samples))
        absent = [kind for kind in vocabulary() if kind not in present]
        known = [kind for kind in present if kind != UNKNOWN]
        fixed, right = (
            (wordings.off_topic, report.off_topic) if index % 2 else (wordings.other_language, report.other_language)
        )
        texts = [
            _question(choose(absent, rng), "yes_no", rng),
            fixed.questions[index // 2 % len(fixed.questions)],
        ]
        if known:
            kind = choose(known, rng)
            texts += [_question(kind, "yes_no", rng), _question(kind, "when", rng)]
        answers = _answers(pipeline, Waveform(scene.samples), texts)
        report.no.append(not _is_yes(answers[0]) and not _spans(answers[0]))
        right.append(answers[1].text.strip() == fixed.answer)
        if known:
            report.yes.append(_is_yes(answers[2]))
            spans = tuple((i.start_s, i.end_s) for i in present[kind])
            report.when.append(ScoredGrounding(spans, _spans(answers[3])))
    return report


def show(report: QuestionReport, console: Console) -> None:
    """Print the scores as a table."""
    scores = report.to_json()
    table = Table(title=f"Free questions about {scores['num_scenes']} scenes, in wordings never trained on")
    table.add_column("question")
    table.add_column("%", justify="right")
    for name, share in (
        ("about a present sound: answered yes", scores["yes"]),
        ("about an absent sound: answered no", scores["no"]),
        ("when: set IoU of at least 0.5", scores["when"]["recall_50"]),
        ("when: mean set IoU", scores["when"]["miou"]),
        ("when: answered with times", scores["when"]["answered"]),
        ("off topic: recognised", scores["off_topic"]),
        ("not in English: recognised", scores["other_language"]),
    ):
        table.add_row(name, "-" if share is None else f"{100 * share:.1f}")
    console.print(table)


def _question(kind: str, aim: Aim, rng: np.random.Generator) -> str:
    nouns = [query for query in held_out_queries()[kind] if not query.endswith((".", "?", "!"))]
    return held_out_wordings().draw(kind, aim, nouns, rng)


def _answers(pipeline: Pipeline, waveform: Waveform, questions: Sequence[str]) -> list[ParsedAnswer]:
    recording = pipeline.encode(waveform)
    queued = [pipeline.ask(recording, "ask", question) for question in questions]
    pipeline.engine.run([question.sequence for question in queued])
    return [question.answer() for question in queued]


def _is_yes(answer: ParsedAnswer) -> bool:
    return answer.text.startswith(YES)


def _spans(answer: ParsedAnswer) -> tuple[tuple[float, float], ...]:
    return tuple((i.start_s, i.end_s) for event in answer.events for i in event.intervals)


def _share(right: Sequence[bool]) -> float | None:
    return sum(right) / len(right) if right else None
