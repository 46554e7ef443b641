"""The form fields beside `file`: their types, their limits, and how OpenAPI tells of them."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model.errors import EmptyPrompt, PromptTooLong
from server.engine.protocol import Options
from server.errors import FieldError, InvalidField
from server.service import Inquiry
from server.settings import Limits

_FINITE = Field(allow_inf_nan=False)
_Seconds = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]  # no file is days long
_MIN_SPAN_S = 0.1
_TENTHS = 10


class DenseCaptionForm(BaseModel):
    """Fields of every route. All of them may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    start: _Seconds | None = None
    """Where to start listening, in seconds of the file; rounded down to a tenth, as all times are in tenths."""
    end: _Seconds | None = None
    """Where to stop, in seconds of the file; its end where this is left out or beyond it."""
    num_beams: Annotated[int, Field(ge=1)] | None = None
    """Answers that are followed side by side (beam search): slower and a little better. 1: greedy."""
    max_new_tokens: Annotated[int, Field(ge=1)] | None = None
    """Where to cut the answer, in tokens; what is cut is still well formed."""
    min_confidence: Annotated[float, _FINITE] | None = None
    """Reserved: confidence is not calibrated yet, so only 0 is accepted."""
    timeout_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Seconds after the upload in which the answer must be ready; 504 otherwise."""

    def inquiry(self, limits: Limits) -> Inquiry:
        """What is asked for, within the operator's limits.

        Raises:
            InvalidField: fields are outside the limits, or contradict each other.
        """
        errors = self._errors(limits)
        if errors:
            raise InvalidField(errors)
        defaults = Options()
        return Inquiry(
            task="dense_caption",
            options=Options(
                num_beams=defaults.num_beams if self.num_beams is None else self.num_beams,
                max_new_tokens=defaults.max_new_tokens if self.max_new_tokens is None else self.max_new_tokens,
            ),
            start=int((self.start or 0.0) * _TENTHS + 1e-6),
            end_s=self.end,
            timeout_s=self.timeout_s,
        )

    def _errors(self, limits: Limits) -> list[FieldError]:
        errors = []
        if self.end is not None and self.end < (self.start or 0.0) + _MIN_SPAN_S:
            errors.append(FieldError("end", f"must be at least {_MIN_SPAN_S} s after start ({self.start or 0.0:g})"))
        if self.min_confidence:
            errors.append(
                FieldError(
                    "min_confidence", "confidence is not calibrated yet and always null; leave it out, or send 0"
                )
            )
        upper = {
            "num_beams": (limits.num_beams, "NUM_BEAMS"),
            "max_new_tokens": (limits.max_new_tokens, "MAX_NEW_TOKENS"),
            "timeout_s": (limits.timeout_s, "TIMEOUT_S"),
        }
        for name, (limit, setting) in upper.items():
            value = getattr(self, name)
            if value is not None and value > limit:
                errors.append(
                    FieldError(name, f"at most {limit:g} (limit: TIMEAUDIO_LIMITS__{setting}), not {value:g}")
                )
        return errors


class GroundForm(DenseCaptionForm):
    """The same, and what to look for."""

    query: Annotated[list[str], Field(min_length=1)]
    """What to look for, in words, such as "a dog barks". Repeat the field for more: the recording is encoded once."""

    def inquiry(self, limits: Limits) -> Inquiry:
        """See `DenseCaptionForm.inquiry`.

        Raises:
            EmptyPrompt, PromptTooLong: one of the queries cannot be used.
        """
        inquiry = super().inquiry(limits)
        if len(self.query) > limits.queries:
            detail = f"at most {limits.queries} (limit: TIMEAUDIO_LIMITS__QUERIES), not {len(self.query)}"
            raise InvalidField([FieldError("query", detail)])
        for number, query in enumerate(self.query, start=1):
            if not query.strip():
                raise EmptyPrompt(f'Query {number} of {len(self.query)} is empty. Say what to look for: "a dog barks".')
            if len(query) > limits.query_chars:
                raise PromptTooLong(limit=limits.query_chars, length=len(query))
        return Inquiry(
            task="ground",
            queries=tuple(query.strip() for query in self.query),
            options=inquiry.options,
            start=inquiry.start,
            end_s=inquiry.end_s,
            timeout_s=inquiry.timeout_s,
        )


def field_errors(error: ValidationError) -> list[FieldError]:
    """Pydantic's findings in our words, the fields' names in front."""
    return [FieldError(str(item["loc"][0]), _detail(item["type"], item["msg"])) for item in error.errors()]


def _detail(kind: str, message: str) -> str:
    if kind == "missing":
        return "missing; send at least one"
    return message[0].lower() + message[1:]


def request_body(form: type[DenseCaptionForm]) -> dict[str, Any]:
    """The `requestBody` of a route that reads this form, for OpenAPI."""
    schema = form.model_json_schema()
    properties = {name: _clean(value) for name, value in schema["properties"].items()}
    file = {"type": "string", "format": "binary", "description": "An audio file: wav, flac, ogg, mp3, m4a or webm."}
    required = ["file", *schema.get("required", [])]
    body: dict[str, Any] = {"type": "object", "properties": {"file": file, **properties}, "required": required}
    body["additionalProperties"] = False
    return {"required": True, "content": {"multipart/form-data": {"schema": body}}}


def _clean(field: dict[str, Any]) -> dict[str, Any]:
    # Forms know no null: an optional field is one that is not sent.
    kinds = [kind for kind in field.get("anyOf", []) if kind.get("type") != "null"]
    kept = {key: value for key, value in field.items() if key != "anyOf" and not (key == "default" and value is None)}
    return kept | (kinds[0] if len(kinds) == 1 else {})
