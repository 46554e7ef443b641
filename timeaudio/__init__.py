"""Clients for TimeAudio servers, with typed results. Importing it loads neither torch nor FastAPI.

Names are imported when they are first used, so that commands without a client start faster.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from timeaudio.async_client import AsyncClient
    from timeaudio.client import Client
    from timeaudio.errors import ApiError, ClientError, FieldError, ServerUnreachable, UnexpectedAnswer
    from timeaudio.results import (
        AudioInfo,
        Beginning,
        CaptionedEvent,
        DenseCaption,
        Grounding,
        GroundingResult,
        Interval,
        QuestionAnswer,
        Summary,
        SummarySegment,
        Timing,
        Usage,
    )
    from timeaudio.stream import AsyncStream, Stream

__all__ = [
    "ApiError",
    "AsyncClient",
    "AsyncStream",
    "AudioInfo",
    "Beginning",
    "CaptionedEvent",
    "Client",
    "ClientError",
    "DenseCaption",
    "FieldError",
    "Grounding",
    "GroundingResult",
    "Interval",
    "QuestionAnswer",
    "ServerUnreachable",
    "Stream",
    "Summary",
    "SummarySegment",
    "Timing",
    "UnexpectedAnswer",
    "Usage",
]

_MODULES = ("errors", "results", "stream", "client", "async_client")


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in _MODULES:
            found = getattr(import_module(f"timeaudio.{module}"), name, None)
            if found is not None:
                globals()[name] = found
                return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
