"""Read and write manifests: JSONL files with a recording, a question and the answer in each line.

Times are numbers in separate fields until the answer's text is written; nothing parses them from text. Fields of a line
(* is optional):

| field | meaning |
|---|---|
| `audio` | path of the recording, absolute or relative to the manifest's folder |
| `task` | `dense_caption`, `ground`, `summarize` or `ask` |
| `events`* | `[{"intervals": [[start, end], ...], "caption"*, "label"*}]`; none: no events, or an absent query |
| `query`* | what `ground` looks for |
| `question`* | text of the question; default: one of the task's six instructions. Required for `ask` |
| `answer`* | answer of `ask`. `{0}`, `{1}` stand for `times`; write literal braces twice |
| `times`* | times in the answer: each a number, or `[start, end]` |
| `words`* | the words that are spoken, `[[word, start, end], ...]`; only an alignment reads them |
| `id`* | unique name of the line; default: `line-N` |
| `duration`* | default: read from the file |
| `source`* | the data set of origin |

Times and durations are in seconds.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from model.timeline.task import TASKS, Task

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Annotation:
    """An event: its intervals, its caption and, where the source has classes, its label."""

    intervals: tuple[Span, ...]
    caption: str = ""
    label: str = ""


class SpokenWord(NamedTuple):
    """A word without punctuation, in lower case, and when it is spoken, in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a manifest. `audio` is the path as written; `path` resolves it."""

    id: str
    audio: str
    task: Task
    duration: float | None = None
    events: tuple[Annotation, ...] = ()
    query: str = ""
    question: str = ""
    answer: str = ""
    times: tuple[float | Span, ...] = ()
    words: tuple[SpokenWord, ...] = ()
    source: str = ""

    def path(self, folder: Path) -> Path:
        """Return the path of the recording, for a manifest in `folder`."""
        return folder / self.audio

    def to_json(self) -> dict[str, Any]:
        """Return the line's fields without empty ones."""
        events = [
            {"intervals": [list(i) for i in e.intervals]}
            | ({"caption": e.caption} if e.caption else {})
            | ({"label": e.label} if e.label else {})
            for e in self.events
        ]
        fields = {
            "id": self.id, "audio": self.audio, "task": self.task, "duration": self.duration, "query": self.query,
            "question": self.question, "events": events, "answer": self.answer,
            "times": [list(t) if isinstance(t, tuple) else t for t in self.times],
            "words": [list(word) for word in self.words], "source": self.source,
        }  # fmt: skip
        return {name: value for name, value in fields.items() if value not in ("", None, [])}


class ManifestError(Exception):
    """A manifest is not valid. `problems` lists every problem of every line, not only the first."""

    SHOWN = 20

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        hidden = len(self.problems) - self.SHOWN
        more = [f"... and {hidden} more: `timeaudio data check {path}` lists all."] if hidden > 0 else []
        count = f"{len(self.problems)} problem" + "s" * (len(self.problems) != 1)
        super().__init__("\n  ".join([f"{path}: {count}.", *self.problems[: self.SHOWN], *more]))


def write_manifest(path: Path, rows: Iterable[Row]) -> int:
    """Write the rows atomically and return their number. Without rows, keep an existing file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    count = 0
    with part.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row.to_json(), ensure_ascii=False) + "\n")
            count += 1
    if count:
        part.replace(path)
    else:
        part.unlink()
    return count


def parse_manifest(path: Path) -> tuple[list[Row], list[str]]:
    """Return the valid rows of a manifest, and the problems of the other lines. Recordings are not opened.

    Raises:
        FileNotFoundError: the file does not exist.
    """
    rows: list[Row] = []
    problems: list[str] = []
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        return [], [f"it is not UTF-8: {error}"]
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            rows.append(_row(json.loads(line), number))
        except json.JSONDecodeError as error:
            problems.append(f"line {number}: not JSON ({error})")
        except _InvalidRow as error:
            problems += [f"line {number}: {text}" for text in error.args]
    return rows, problems


class _InvalidRow(Exception):
    """All problems of one line, as arguments."""


_TEXT_FIELDS = ("id", "audio", "task", "query", "question", "answer", "source")
_FIELDS = {*_TEXT_FIELDS, "duration", "events", "times", "words"}


def _row(value: Any, number: int) -> Row:
    if not isinstance(value, dict):
        raise _InvalidRow("must be an object")
    problems = [f"{name} is not a field of a manifest" for name in value if name not in _FIELDS]
    problems += [f"{name} must be text" for name in _TEXT_FIELDS if not isinstance(value.get(name, ""), str)]
    problems += [f"{name} is missing" for name in ("audio", "task") if name not in value]
    if isinstance(value.get("task"), str) and value["task"] not in TASKS:
        problems.append(f"task must be one of {', '.join(TASKS)}, not {value['task']!r}")
    duration = value.get("duration")
    if duration is not None and not is_number(duration):
        problems.append("duration must be a number of seconds")
    events = _events(value.get("events", []), problems)
    times = _times(value.get("times", []), problems)
    words = _words(value.get("words", []), problems)
    if problems:
        raise _InvalidRow(*problems)
    texts = {name: value[name] for name in _TEXT_FIELDS if name in value}
    return Row(**{"id": f"line-{number}", **texts}, duration=duration, events=events, times=times, words=words)


def _events(value: Any, problems: list[str]) -> tuple[Annotation, ...]:
    if not isinstance(value, list):
        problems.append("events must be a list")
        return ()
    annotations = []
    for index, event in enumerate(value):
        if not isinstance(event, dict) or not {"intervals"} <= event.keys() <= {"intervals", "caption", "label"}:
            problems.append(f"events[{index}] must be an object with intervals, and optionally caption and label")
            continue
        intervals = event["intervals"]
        if not isinstance(intervals, list) or not intervals or not all(_is_span(i) for i in intervals):
            problems.append(f"events[{index}].intervals must be a list of [start, end], at least one")
        elif not all(isinstance(event.get(name, ""), str) for name in ("caption", "label")):
            problems.append(f"events[{index}]: caption and label must be text")
        else:
            spans = tuple((float(a), float(b)) for a, b in intervals)
            annotations.append(Annotation(spans, event.get("caption", ""), event.get("label", "")))
    return tuple(annotations)


def _times(value: Any, problems: list[str]) -> tuple[float | Span, ...]:
    if not isinstance(value, list) or not all(is_number(t) or _is_span(t) for t in value):
        problems.append("times must be a list of numbers and of [start, end]")
        return ()
    return tuple((float(t[0]), float(t[1])) if isinstance(t, list) else float(t) for t in value)


def _words(value: Any, problems: list[str]) -> tuple[SpokenWord, ...]:
    if not isinstance(value, list) or not all(_is_spoken_word(word) for word in value):
        problems.append("words must be a list of [word, start, end]")
        return ()
    return tuple(SpokenWord(text, float(start), float(end)) for text, start, end in value)


def _is_spoken_word(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and isinstance(value[0], str) and _is_span(value[1:])


def is_number(value: Any) -> bool:
    """Return whether the value is a number; a bool is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_span(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(is_number(time) for time in value)
