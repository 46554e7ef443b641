"""The fields beside the recording: their types and limits, per route."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from model.errors import EmptyPrompt, PromptTooLong
from server.engine.protocol import Options, Task
from server.errors import FieldError, InvalidField
from server.inquiry import Inquiry
from server.settings import Limits
from timeaudio.formats import FormatName

_Seconds = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]  # no file is days long
_MIN_SPAN_S = 0.1
_TENTHS = 10


class Form(BaseModel):
    """Fields of every route. All of them may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    task: ClassVar[Task]
    """What a route with this form does."""

    response_format: FormatName = "json"
    """How to write the answer; docs/formats.md shows each."""
    name: Annotated[str, Field(max_length=255)] | None = None
    """What the recording is called, for formats that name it; the uploaded file's name where this is left out."""
    start: _Seconds | None = None
    """Where to start listening, in seconds of the file; rounded down to a tenth, as all times are in tenths."""
    end: _Seconds | None = None
    """Where to stop, in seconds of the file; its end where this is left out or beyond it."""
    num_beams: Annotated[int, Field(ge=1)] | None = None
    """Answers that are followed side by side (beam search): slower and a little better. 1: greedy."""
    max_new_tokens: Annotated[int, Field(ge=1)] | None = None
    """Where to cut the answer, in tokens; what is cut is still well formed. Default: 300 for each 30 s heard."""
    min_confidence: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    """Leaves out intervals that are less likely right; above 0 it needs a model that is calibrated for the task."""
    stream: bool = False
    """Whether to answer with server-sent events, one per event as soon as it is found; docs/api.md shows them."""
    timeout_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Seconds after the upload in which the answer must be ready; 504 otherwise."""

    def inquiry(self, limits: Limits) -> Inquiry:
        """What is asked for, within the operator's limits.

        Raises:
            InvalidField: fields are outside the limits, or contradict each other.
            EmptyPrompt, PromptTooLong: a query or question cannot be used.
        """
        errors = self._errors(limits)
        if errors:
            raise InvalidField(errors)
        defaults = Options()
        return Inquiry(
            task=self.task,
            queries=self._prompts(limits),
            options=Options(
                num_beams=defaults.num_beams if self.num_beams is None else self.num_beams,
                max_new_tokens=self.max_new_tokens,
            ),
            start=int((self.start or 0.0) * _TENTHS + 1e-6),
            end_s=self.end,
            timeout_s=self.timeout_s,
            min_confidence=self.min_confidence or 0.0,
        )

    def _prompts(self, limits: Limits) -> tuple[str, ...]:
        """What the model is asked in words."""
        return ()

    def _errors(self, limits: Limits) -> list[FieldError]:
        errors = []
        if self.stream and self.response_format != "json":
            errors.append(FieldError("response_format", "what is streamed is JSON; leave it out, or send json"))
        if self.end is not None and self.end < (self.start or 0.0) + _MIN_SPAN_S:
            errors.append(FieldError("end", f"must be at least {_MIN_SPAN_S} s after start ({self.start or 0.0:g})"))
        upper = {
            "num_beams": (limits.num_beams, "NUM_BEAMS"),
            "max_new_tokens": (limits.max_new_tokens, "MAX_NEW_TOKENS"),
            "timeout_s": (limits.longest_timeout_s, "TIMEOUT_S"),
        }
        for name, (limit, setting) in upper.items():
            value = getattr(self, name)
            if value is not None and value > limit:
                errors.append(
                    FieldError(name, f"at most {limit:g} (limit: TIMEAUDIO_LIMITS__{setting}), not {value:g}")
                )
        return errors


class DenseCaptionForm(Form):
    """Nothing beside the recording is needed."""

    task = "dense_caption"


class GroundForm(Form):
    """And what to look for."""

    task = "ground"

    query: Annotated[list[str], Field(min_length=1, examples=[["a dog barks", "rain"]])]
    """What to look for, in words, such as "a dog barks". Repeat the field for more: the recording is encoded once."""

    def _prompts(self, limits: Limits) -> tuple[str, ...]:
        if len(self.query) > limits.queries:
            detail = f"at most {limits.queries} (limit: TIMEAUDIO_LIMITS__QUERIES), not {len(self.query)}"
            raise InvalidField([FieldError("query", detail)])
        return tuple(
            _prompt(
                query, limits, f'Query {number} of {len(self.query)} is empty. Say what to look for: "a dog barks".'
            )
            for number, query in enumerate(self.query, start=1)
        )


class SummarizeForm(Form):
    """Nothing beside the recording is needed."""

    task = "summarize"


class AskForm(Form):
    """And the question."""

    task = "ask"

    question: Annotated[str, Field(examples=["How often does the dog bark?"])]
    """What you want to know about the recording: how often, how long, what came first."""

    def _prompts(self, limits: Limits) -> tuple[str, ...]:
        return (_prompt(self.question, limits, 'The question is empty. Ask one: "How often does the dog bark?"'),)


FORMS: dict[Task, type[Form]] = {form.task: form for form in (DenseCaptionForm, GroundForm, SummarizeForm, AskForm)}


def _prompt(words: str, limits: Limits, if_empty: str) -> str:
    if not words.strip():
        raise EmptyPrompt(if_empty)
    if len(words) > limits.query_chars:
        raise PromptTooLong(limit=limits.query_chars, length=len(words))
    return words.strip()
