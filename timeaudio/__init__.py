"""Clients for TimeAudio servers, with typed results. Importing it loads neither torch nor FastAPI."""

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
