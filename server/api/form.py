"""The fields sent with a recording: their types and limits, per route."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from model.errors import EmptyPrompt, PromptTooLong
from model.language.decoding import Decoding
from model.task_params import TaskParams
from model.timeline.task import Task
from server.api.requests import InferenceRequest
from server.errors import InvalidField, InvalidFieldDetail
from server.settings import Limits
from timeaudio.formats import FormatName

_Seconds = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]  # no recording is 11 days long
_MIN_SPAN_S = 0.1
_TENTHS = 10
_ROUNDING = 1e-6  # 0.2 + 0.1 is more than 0.3
_LARGEST = 2**31 - 1  # the operator's limits are lower; this one keeps a number of 400 digits out of the messages


class Form(BaseModel):
    """The optional fields of every route."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    task: ClassVar[Task]
    """The task of the route."""

    response_format: FormatName | None = "json"
    """How to write the answer; docs/formats.md shows each."""
    name: Annotated[str, Field(max_length=255)] | None = None
    """Name of the recording, for formats that include it; default: the uploaded file's name."""
    start: _Seconds | None = None
    """Start of the part to analyse, in seconds of the file; rounded down to a tenth, as all times are in tenths."""
    end: _Seconds | None = None
    """End of the part to analyse, in seconds of the file; default, and maximum: the end of the file."""
    track: Annotated[int, Field(ge=0, le=_LARGEST)] | None = None
    """Which audio track of the file to analyse, from 0; default: the one that a player plays."""
    num_beams: Annotated[int, Field(ge=1, le=_LARGEST)] | None = None
    """Number of beams in beam search: more are slower and a little better. 1: greedy."""
    max_new_tokens: Annotated[int, Field(ge=1, le=_LARGEST)] | None = None
    """Longest answer, in tokens; a cut answer is still well formed. Default: 300 for each 30 s of audio."""
    min_confidence: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    """Omit intervals with a lower confidence; above 0 it needs a model that is calibrated for the task."""
    embeddings: bool | None = False
    """Whether each interval has an `embedding`, a vector for what sounds in it; docs/api.md says which."""
    stream: bool | None = False
    """Whether to answer with server-sent events, one per event as soon as it is found; docs/api.md shows them."""
    timeout_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Seconds after the upload within which the answer must be ready; 504 otherwise."""

    def inference(self, limits: Limits) -> InferenceRequest:
        """Return the inference, checked against the operator's limits.

        Raises:
            InvalidField: fields are outside the limits or contradict each other.
            EmptyPrompt, PromptTooLong: a query or question is unusable.
        """
        errors = self._errors(limits)
        if errors:
            raise InvalidField(errors)
        params = TaskParams(
            task=self.task,
            queries=self._prompts(limits),
            decoding=Decoding(num_beams=self.num_beams or 1, max_new_tokens=self.max_new_tokens),
            embeddings=self.embeddings or False,
        )
        return InferenceRequest(
            params=params,
            start=int((self.start or 0.0) * _TENTHS + _ROUNDING),
            end_s=self.end,
            track=self.track,
            timeout_s=self.timeout_s,
            min_confidence=self.min_confidence or 0.0,
        )

    def _prompts(self, limits: Limits) -> tuple[str, ...]:
        """Return the queries or the question for the model."""
        return ()

    def _errors(self, limits: Limits) -> list[InvalidFieldDetail]:
        errors = []
        if self.stream and self.response_format not in (None, "json"):
            errors.append(InvalidFieldDetail("response_format", "streams are always JSON; omit it, or send json"))
        if self.end is not None and self.end + _ROUNDING < (self.start or 0.0) + _MIN_SPAN_S:
            errors.append(
                InvalidFieldDetail("end", f"must be at least {_MIN_SPAN_S} s after start ({self.start or 0.0:g})")
            )
        upper = {
            "num_beams": (limits.num_beams, "NUM_BEAMS"),
            "max_new_tokens": (limits.max_new_tokens, "MAX_NEW_TOKENS"),
            "timeout_s": (limits.longest_timeout_s, "TIMEOUT_S"),
        }
        for name, (limit, setting) in upper.items():
            value = getattr(self, name)
            if value is not None and value > limit:
                errors.append(
                    InvalidFieldDetail(name, f"at most {limit:g} (limit: TIMEAUDIO_LIMITS__{setting}), not {value:g}")
                )
        return errors


class DenseCaptionForm(Form):
    """The common fields only."""

    task = "dense_caption"


class GroundForm(Form):
    """The common fields and the queries."""

    task = "ground"

    query: Annotated[list[str], Field(min_length=1, fail_fast=True, examples=[["a dog barks", "rain"]])]
    """What to look for, such as "a dog barks". Repeat the field for more queries: the recording is encoded once."""

    def _prompts(self, limits: Limits) -> tuple[str, ...]:
        if len(self.query) > limits.queries:
            detail = f"at most {limits.queries} (limit: TIMEAUDIO_LIMITS__QUERIES), not {len(self.query)}"
            raise InvalidField([InvalidFieldDetail("query", detail)])
        return tuple(
            _prompt(
                query, limits, f'Query {number} of {len(self.query)} is empty. Send what to look for: "a dog barks".'
            )
            for number, query in enumerate(self.query, start=1)
        )


class SummarizeForm(Form):
    """The common fields only."""

    task = "summarize"


class AskForm(Form):
    """The common fields and the question."""

    task = "ask"

    question: Annotated[str, Field(examples=["How often does the dog bark?"])]
    """The question about the recording, such as how often, how long, or what came first."""

    def _prompts(self, limits: Limits) -> tuple[str, ...]:
        return (_prompt(self.question, limits, 'The question is empty. Ask one: "How often does the dog bark?"'),)


FORMS: dict[Task, type[Form]] = {form.task: form for form in (DenseCaptionForm, GroundForm, SummarizeForm, AskForm)}


def _prompt(words: str, limits: Limits, if_empty: str) -> str:
    if not " ".join(words.split()).rstrip("."):  # as `question_of`, whose module needs torch
        raise EmptyPrompt(if_empty)
    if len(words) > limits.query_chars:
        raise PromptTooLong(limit=limits.query_chars, length=len(words))
    return words.strip()
