"""Validates and converts request messages, with the forms that REST uses too, so errors are the same. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from model.timeline.task import Task
from server.api.form import FORMS
from server.api.requests import InferenceRequest
from server.api.validation import checked
from server.errors import InvalidField, InvalidFieldDetail
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
        raise InvalidField(
            [InvalidFieldDetail("task", f"missing or unknown; use one of {', '.join(pb.Task.keys()[1:])}")]
        )
    return _TASKS[config.task]


def inference(task: Task, message: Any, limits: Limits) -> InferenceRequest:
    """Return the inference of a request, or of the configuration of a stream.

    Raises:
        InvalidField: fields are missing or invalid; the error has their protobuf names.
        EmptyPrompt, PromptTooLong: a query or question cannot be used.
    """
    options: pb.Options = message.options
    values: dict[str, Any] = {field.name: value for field, value in options.ListFields()}
    if task == "ground" and message.queries:
        values["query"] = list(message.queries)
    elif task == "ask" and message.question:
        values["question"] = message.question
    try:
        errors = _misplaced(task, message) if isinstance(message, pb.AnalyzeConfig) else []
        return checked(FORMS[task], values, errors).inference(limits)
    except InvalidField as error:
        raise InvalidField([InvalidFieldDetail(_name(found.field), found.detail) for found in error.errors]) from None


def _misplaced(task: Task, config: pb.AnalyzeConfig) -> list[InvalidFieldDetail]:
    """Return an error for each text field that the task does not use."""
    unread = [name for other, name in _WORDS.items() if other != task and getattr(config, name)]
    return [
        InvalidFieldDetail(name, f"not used by this task; leave it out, or choose the task that uses {name}")
        for name in unread
    ]


def _name(field: str) -> str:
    """Return the protobuf name of a form field."""
    top, _, rest = field.partition("/")
    if top in pb.Options.DESCRIPTOR.fields_by_name:
        return f"options.{top}"
    name = {"query": "queries"}.get(top, top)
    return f"{name}[{rest}]" if rest else name
