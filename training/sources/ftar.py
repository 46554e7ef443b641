"""Read the authors' own FTAR files: a JSON list of `id`, `audio`, `question`, `answer`, `duration`.

These files have times only as text. An answer becomes events only if all of it follows the output format of its task
(paper, Table 6): times at its beginning and after each caption's full stop, in pairs around a hyphen. Any other answer
stays text, so that "the 2013 - 14 season" in a summary is not a time. (The authors' code turns every `number - number`
into a time.)
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model.timeline.task import Task
from training.data.manifest import Annotation, Row, Span
from training.data.recordings import DataError
from training.sources.questions import escaped
from training.sources.reading import RecordingIndex, merge_spans, read_json

_TIME = r"\d{1,4}(?:\.\d{1,3})?"
_SPAN = rf"{_TIME}\s*-\s*{_TIME}"
_SPANS = rf"{_SPAN}(?:\s*,\s*{_SPAN})*"
# In a timeline a caption follows "seconds," or ","; the next times follow a full stop.
_EVENT = re.compile(
    rf"(?P<spans>{_SPANS})\s*(?:seconds?\s*,|,)\s*(?P<caption>\S.*?)"
    rf"(?=(?<=[.!?\"'])\s+{_SPANS}\s*(?:,|seconds?)|\s*$)"
)
_GROUND = re.compile(rf"The given query happens in (?P<spans>{_SPANS}) seconds?\.?\s*", re.IGNORECASE)
_QUERY = re.compile(r"(?:matching|query|for)\s+['\"](?P<query>.+?)['\"]|['\"](?P<quoted>[^'\"]+)['\"]")
_SUMMARY = re.compile(r"\b(?:speech|summar\w+|key points|spoken|talk)\b", re.IGNORECASE)


@dataclass(slots=True)
class FtarReport:
    """The number of answers that became events, and the ids of answers that have " - " but stayed text."""

    num_timed: int = 0
    as_prose: list[str] = field(default_factory=list)


def read_ftar(path: Path, recordings: RecordingIndex, report: FtarReport) -> Iterator[Row]:
    """Yield the rows of one of the authors' files.

    Raises:
        DataError: the file is missing or has another format.
    """
    value: Any = read_json(path)
    fields = {"id", "audio", "question", "answer", "duration"}
    if not isinstance(value, list) or not all(isinstance(item, dict) and fields <= item.keys() for item in value):
        raise DataError(f"{path} is not an FTAR file. It must be a list of objects with {', '.join(sorted(fields))}.")
    for place, item in enumerate(value):
        name = Path(str(item["audio"])).name
        audio = recordings.find(name, Path(name).stem)
        if audio is None:
            continue
        task, events, query = parse_answer(str(item["question"]), str(item["answer"]))
        row_id = f"ftar-{path.stem}-{place}-{item['id']}"
        if task == "ask" and " - " in str(item["answer"]):
            report.as_prose.append(row_id)
        report.num_timed += task != "ask"
        yield Row(
            id=row_id, audio=audio, task=task, duration=float(item["duration"]), events=events, query=query,
            question=str(item["question"]).replace("{", "(").replace("}", ")"), source="ftar",
            answer=escaped(str(item["answer"])) if task == "ask" else "",
        )  # fmt: skip


def parse_answer(question: str, answer: str) -> tuple[Task, tuple[Annotation, ...], str]:
    """Return the task, the events and the query of a question and its answer; `ask` if the answer fits no format."""
    grounding_match = _GROUND.fullmatch(answer.strip())
    query_match = _QUERY.search(question)
    if grounding_match and query_match:
        spans = _spans(grounding_match["spans"])
        if any(start >= end for start, end in spans):
            return "ask", (), ""
        return "ground", (Annotation(merge_spans(spans)),), query_match["query"] or query_match["quoted"]
    events, position = [], 0
    text = answer.strip()
    for match in _EVENT.finditer(text):
        if text[position : match.start()].strip():
            return "ask", (), ""
        spans = _spans(match["spans"])
        if any(start >= end for start, end in spans):
            return "ask", (), ""
        events.append(Annotation(merge_spans(spans), match["caption"].strip()))
        position = match.end()
    if not events or text[position:].strip():
        return "ask", (), ""
    return ("summarize" if _SUMMARY.search(question) else "dense_caption"), tuple(events), ""


def _spans(text: str) -> list[Span]:
    found = re.findall(rf"({_TIME})\s*-\s*({_TIME})", text)
    return [(float(start), float(end)) for start, end in found]
