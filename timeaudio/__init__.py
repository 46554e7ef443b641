"""TimeAudio for those who call it: a client with typed results. It loads neither torch nor FastAPI."""

from timeaudio.client import Client
from timeaudio.errors import ApiError, ClientError, FieldError, ServerUnreachable, UnexpectedAnswer
from timeaudio.results import (
    AudioInfo,
    CaptionedEvent,
    DenseCaption,
    Grounding,
    GroundingResult,
    Interval,
    Timing,
    Usage,
)

__all__ = [
    "ApiError",
    "AudioInfo",
    "CaptionedEvent",
    "Client",
    "ClientError",
    "DenseCaption",
    "FieldError",
    "Grounding",
    "GroundingResult",
    "Interval",
    "ServerUnreachable",
    "Timing",
    "UnexpectedAnswer",
    "Usage",
]
