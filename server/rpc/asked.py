"""Validates request messages into inquiries. Uses the REST forms, so both transports report the same errors. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from server.engine.protocol import Task
from server.errors import FieldError, InvalidField
from server.inquiry import Inquiry
from server.rest.fields import checked
from server.rest.form import FORMS
from server.settings import Limits
from timeaudio.v1 import timeaudio_pb2 as pb

_TASKS: Final[Mapping[int, Task]] = {
    pb.TASK_DENSE_CAPTION: "dense_caption",
    pb.TASK_GROUND: "ground",
    pb.TASK_SUMMARIZE: "summarize",
    pb.TASK_ASK: "ask",
}
_WORDS: Final[Mapping[Task, str]] = {"ground": "queries", "ask": "question"}
"""The message field that holds a task's text input."""

LEAST: Final = "options.min_confidence"


def task_of(config: pb.AnalyzeConfig) -> Task:
    """Return the task of a stream.

    Raises:
        InvalidField: the task is missing, or unknown to this version.
    """
    if config.task not in _TASKS:
        raise InvalidField([FieldError("task", f"missing or unknown; use one of {', '.join(pb.Task.keys()[1:])}")])
    return _TASKS[config.task]


def inquiry(task: Task, asked: Any, limits: Limits) -> Inquiry:
    """Return the inquiry of a request, or of the configuration of a stream.

    Raises:
        InvalidField: fields are missing or invalid; the error has their protobuf names.
        EmptyPrompt, PromptTooLong: a query or question cannot be used.
    """
    options: pb.Options = asked.options
    values: dict[str, Any] = {field.name: value for field, value in options.ListFields()}
    if task == "ground" and asked.queries:
        values["query"] = list(asked.queries)
    elif task == "ask" and asked.question:
        values["question"] = asked.question
    try:
        errors = _misplaced(task, asked) if isinstance(asked, pb.AnalyzeConfig) else []
        return checked(FORMS[task], values, errors).inquiry(limits)
    except InvalidField as error:
        raise InvalidField([FieldError(_name(found.field), found.detail) for found in error.errors]) from None


def _misplaced(task: Task, config: pb.AnalyzeConfig) -> list[FieldError]:
    """Return an error for each text field that the task does not use."""
    unread = [name for other, name in _WORDS.items() if other != task and getattr(config, name)]
    return [
        FieldError(name, f"not used by this task; leave it out, or choose the task that uses {name}") for name in unread
    ]


def _name(field: str) -> str:
    """Return the protobuf name of a form field."""
    top, _, rest = field.partition("/")
    if top in pb.Options.DESCRIPTOR.fields_by_name:
        return f"options.{top}"
    name = {"query": "queries"}.get(top, top)
    return f"{name}[{rest}]" if rest else name
