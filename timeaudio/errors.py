"""The exceptions of the client.

ClientError
├── ApiError            the server answered with a problem (RFC 9457), available as fields
├── ServerUnreachable   no response arrived, or the connection broke
├── UnexpectedAnswer    the response was not that of a TimeAudio server of this version
└── LocalModelError     the model in this process could not start, or refused a recording; no server is involved
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class ClientError(Exception):
    """The base of all errors that the client raises deliberately."""


class ServerUnreachable(ClientError):
    """No response arrived: no server at the address, a broken connection, or a timeout."""


class UnexpectedAnswer(ClientError):
    """The client does not understand the response."""


class LocalModelError(ClientError):
    """The model that the command line runs in its own process could not start, or refused a recording."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field of a request that the server refused. `pointer` names it, as `#/query`."""

    detail: str
    pointer: str = ""


class ApiError(ClientError):
    """The server refused a request and said why.

    `status` is the HTTP status and `type` the URI or slug of the kind of problem: decide on these two, never on the
    text. `detail` says what to do next. `retry_after_s` is in seconds, None if the server gave no time.
    """

    def __init__(self, status: int, problem: Mapping[str, Any], *, retry_after_s: float | None = None) -> None:
        self.status = status
        self.type = str(problem.get("type", "about:blank"))
        self.title = str(problem.get("title", f"HTTP status {status}"))
        self.detail = str(problem.get("detail", ""))
        self.instance = str(problem.get("instance", ""))
        self.errors = _field_errors(problem.get("errors"))
        self.retry_after_s = retry_after_s
        super().__init__(self._message())

    def _message(self) -> str:
        """Return one line: the detail, or else the title, then what the refused fields add to it."""
        text = self.detail or self.title
        named = (f"{error.pointer.removeprefix('#/')}: {error.detail}" for error in self.errors)
        more = "; ".join(field for field in named if field not in text)
        return f"{text} ({more})" if more else text


def _field_errors(raw: object) -> tuple[FieldError, ...]:
    """Parse the `errors` member of a problem, tolerating anything that another server may put there."""
    if not isinstance(raw, list):
        return ()
    rows = [row for row in raw if isinstance(row, Mapping)]
    return tuple(FieldError(detail=str(row.get("detail", "")), pointer=str(row.get("pointer", ""))) for row in rows)
