"""JSON models of the REST routes except the answers (`timeaudio.results`). Imports nothing from this project."""

from pydantic import BaseModel, ConfigDict, Field


class ResponseModel(BaseModel):
    """A body that the server writes: fields that it does not have are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ProblemField(ResponseModel):
    """One error in one field."""

    pointer: str = Field(examples=["#/query"])
    """The field's name after `#/`."""
    detail: str = Field(examples=["missing; it is required"])


class Problem(ResponseModel):
    """What went wrong, and what to do about it (RFC 9457)."""

    type: str = Field(examples=["urn:timeaudio:problem:invalid-field"])
    """`urn:timeaudio:problem:` and a stable name."""
    title: str = Field(examples=["Invalid field"])
    status: int = Field(examples=[422])
    """The HTTP status."""
    detail: str = Field(examples=["query: missing; it is required"])
    """What to do next, for people; the wording may change."""
    instance: str = Field(examples=["urn:timeaudio:request:8d1f3c0e"])
    """This occurrence: `urn:timeaudio:request:` and the request's id, which is in the log and in X-Request-ID."""
    errors: list[ProblemField] | None = None
    """The invalid fields, if any."""


class Alive(ResponseModel):
    """The event loop is running."""

    status: str = Field(examples=["alive"])


class Ready(ResponseModel):
    """The model can answer now."""

    status: str = Field(examples=["ready"])
    model: str = Field(examples=["timeaudio-small"])
    tasks: list[str] = Field(examples=[["dense_caption", "ground"]])
