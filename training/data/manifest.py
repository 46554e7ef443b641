"""Read and write manifests: JSONL files with a recording, a question and the answer in each line.

Times are numbers in separate fields until the answer's text is written; nothing parses them from text. Fields of a line
(* marks optional ones):

| field | meaning |
|---|---|
| `audio` | path of the recording, absolute or relative to the manifest's folder |
| `task` | `dense_caption`, `ground`, `summarize` or `ask` |
| `events`* | `[{"intervals": [[start, end], ...], "caption"*, "label"*}]`; none: no events, or an absent query |
| `query`* | what `ground` looks for |
| `question`* | text of the question; default: one of the task's six instructions. Required for `ask` |
| `answer`* | answer of `ask`. `{0}`, `{1}` stand for `times`; write literal braces twice |
| `times`* | times in the answer: each a number, or `[start, end]` |
| `words`* | the words that are spoken, `[[word, start, end], ...]`; only a transcriber learns them |
| `id`* | unique name of the line; default: `line-N` |
| `duration`* | default: read from the file |
| `source`* | the data set of origin |

Times and durations are in seconds.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from model.timeline.task import TASKS, Task

Seconds = Annotated[float, Field(strict=True)]
Span = tuple[Seconds, Seconds]


@dataclass(frozen=True, slots=True)
class Annotation:
    """An event: its intervals, its caption and, where the source has classes, its label."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    intervals: Annotated[tuple[Span, ...], Field(min_length=1)]
    caption: str = ""
    label: str = ""


class SpokenWord(NamedTuple):
    """A word without punctuation, in lower case, and when it is spoken, in seconds."""

    text: str
    start: Seconds
    end: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a manifest. `audio` is the path as written; `path` resolves it."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    id: str
    audio: str
    task: Task
    duration: Seconds | None = None
    query: str = ""
    question: str = ""
    events: tuple[Annotation, ...] = ()
    answer: str = ""
    times: tuple[Seconds | Span, ...] = ()
    words: tuple[SpokenWord, ...] = ()
    source: str = ""

    def path(self, folder: Path) -> Path:
        """Return the path of the recording, for a manifest in `folder`."""
        return folder / self.audio


@cache
def _rows() -> TypeAdapter[Row]:
    return TypeAdapter(Row)


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
            fields = _rows().dump_python(row, mode="json", exclude_defaults=True)
            file.write(json.dumps(fields, ensure_ascii=False) + "\n")
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
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            if not isinstance(value, dict):
                raise TypeError("must be an object")
            rows.append(_rows().validate_python({"id": f"line-{number}", **value}))
        except json.JSONDecodeError as error:
            problems.append(f"line {number}: not JSON ({error})")
        except TypeError as error:
            problems.append(f"line {number}: {error}")
        except ValidationError as error:
            faults = dict.fromkeys(map(_sentence, error.errors(include_url=False)))
            problems += [f"line {number}: {sentence}" for sentence in faults]
    return rows, problems


_FORMS = {
    "task": f"one of {', '.join(TASKS)}",
    "duration": "a number of seconds",
    "events": "a list of objects with intervals, and optionally caption and label",
    "intervals": "a list of [start, end], at least one",
    "times": "a list of numbers and of [start, end]",
    "words": "a list of [word, start, end]",
}
"""What a field must be, unless it is text."""


def _sentence(fault: Any) -> str:
    """Return what is wrong with a line, for example `events[0].intervals must be ...`."""
    name, *rest = fault["loc"]
    where = name
    if name == "events" and len(rest) > 1:
        index, name, *rest = rest
        where = f"events[{index}].{name}"
    if not rest and fault["type"] == "unexpected_keyword_argument":
        return f"{where} is not a field of a manifest"
    if not rest and fault["type"].startswith("missing"):
        return f"{where} is missing"
    given = f", not {fault['input']!r}" if name == "task" else ""
    return f"{where} must be {_FORMS.get(name, 'text')}{given}"
