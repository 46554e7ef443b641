"""TimeAudio for those who call it: clients with typed results. It loads neither torch nor FastAPI."""

from timeaudio.async_client import AsyncClient
from timeaudio.client import Client
from timeaudio.errors import ApiError, ClientError, FieldError, ServerUnreachable, UnexpectedAnswer
from timeaudio.results import (
    AudioInfo,
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

__all__ = [
    "ApiError",
    "AsyncClient",
    "AudioInfo",
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
    "Summary",
    "SummarySegment",
    "Timing",
    "UnexpectedAnswer",
    "Usage",
]
