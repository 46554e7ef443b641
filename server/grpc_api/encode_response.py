"""Converts answers and their pieces to messages. Protobuf fields are named as in JSON and copied by name. Pure."""

from collections.abc import Mapping
from typing import Final

from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from model.timeline.task import Task
from timeaudio import results
from timeaudio.results import AnyAnswer, Piece, Progress
from timeaudio.v1 import timeaudio_pb2 as pb

ANSWERS: Final[Mapping[Task, type[Message]]] = {
    "dense_caption": pb.DenseCaptionResponse,
    "ground": pb.GroundResponse,
    "summarize": pb.SummarizeResponse,
    "ask": pb.AskResponse,
}
_PIECES: Final[Mapping[type[Piece | Progress], str]] = {
    results.CaptionedEvent: "event",
    results.GroundingResult: "result",
    results.SummarySegment: "segment",
    results.Interval: "interval",
    results.Progress: "progress",
}


def whole(task: Task, answer: AnyAnswer) -> Message:
    """Return the response message of the task's method."""
    return ParseDict(answer.model_dump(mode="json"), ANSWERS[task]())


def beginning(start: results.Beginning) -> pb.AnalyzeResponse:
    """Return the first message of a stream."""
    return ParseDict({"start": start.model_dump(mode="json")}, pb.AnalyzeResponse())


def piece(found: Piece | Progress) -> pb.AnalyzeResponse:
    """Return a message between the first and the last of a stream."""
    return ParseDict({_PIECES[type(found)]: found.model_dump(mode="json")}, pb.AnalyzeResponse())


def end(task: Task, answer: AnyAnswer) -> pb.AnalyzeResponse:
    """Return the last message of a stream."""
    return ParseDict({task: answer.model_dump(mode="json")}, pb.AnalyzeResponse())
