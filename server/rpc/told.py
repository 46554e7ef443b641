"""Answers and their pieces as messages. Fields of the contract are named as in JSON: copying is by name. Pure."""

from collections.abc import Mapping
from typing import Final

from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from server.engine.protocol import Task
from timeaudio import results
from timeaudio.results import AnyAnswer, Piece
from timeaudio.v1 import timeaudio_pb2 as pb

ANSWERS: Final[Mapping[Task, type[Message]]] = {
    "dense_caption": pb.DenseCaptionResponse,
    "ground": pb.GroundResponse,
    "summarize": pb.SummarizeResponse,
    "ask": pb.AskResponse,
}
_PIECES: Final[Mapping[type[Piece], str]] = {
    results.CaptionedEvent: "event",
    results.GroundingResult: "result",
    results.SummarySegment: "segment",
    results.Interval: "interval",
}


def whole(task: Task, answer: AnyAnswer) -> Message:
    """The response of the task's method."""
    return ParseDict(answer.model_dump(mode="json"), ANSWERS[task]())


def beginning(told: results.Beginning) -> pb.AnalyzeResponse:
    """The first part of a stream."""
    return ParseDict({"start": told.model_dump(mode="json")}, pb.AnalyzeResponse())


def piece(found: Piece) -> pb.AnalyzeResponse:
    """A part of a stream between its first and its last."""
    return ParseDict({_PIECES[type(found)]: found.model_dump(mode="json")}, pb.AnalyzeResponse())


def end(task: Task, answer: AnyAnswer) -> pb.AnalyzeResponse:
    """The last part of a stream."""
    return ParseDict({task: answer.model_dump(mode="json")}, pb.AnalyzeResponse())
