"""Converts between messages of the worker contract and the engine's types. Pure."""

import time
from collections.abc import Iterable

from model.timeline.answer_length import answer_tokens
from model.timeline.event import Event
from model.timeline.interval import Interval
from server.errors import revive
from server.pb.timeaudio.worker.v1 import worker_pb2 as pb
from server.workers.protocol import (
    SAMPLE_RATE,
    AudioEncoded,
    EngineRequest,
    EventFound,
    ModelInfo,
    QueryAnswered,
    RequestStarted,
    Task,
    Update,
)

TASKS: dict[Task, pb.Task] = {
    "dense_caption": pb.TASK_DENSE_CAPTION,
    "ground": pb.TASK_GROUND,
    "summarize": pb.TASK_SUMMARIZE,
    "ask": pb.TASK_ASK,
}
_NAMES: dict[int, Task] = {number: name for name, number in TASKS.items()}


def task_name(number: int) -> Task | None:
    """Return the task of a wire number; None if this version does not know it."""
    return _NAMES.get(number)


def request_bytes(request: EngineRequest) -> bytes:
    """Serialize a request with its samples. The deadline becomes a duration, because the processes share no clock."""
    message = pb.AnalyzeRequest(
        request_id=request.id,
        pcm=request.samples.read(),
        sample_rate=SAMPLE_RATE,
        task=TASKS[request.task],
        queries=request.queries,
        options=pb.Options(
            num_beams=request.options.num_beams,
            max_new_tokens=request.options.max_new_tokens or answer_tokens(request.samples.count),
            temperature=request.options.temperature,
            top_p=request.options.top_p,
            seed=request.options.seed,
        ),
        deadline_s=max(0.001, request.deadline - time.monotonic()),
        embeddings=request.embeddings,
        num_passes=request.num_passes,
        verbatim=request.verbatim,
    )
    return message.SerializeToString()


def update(message: pb.AnalyzeResponse) -> Update | None:
    """Return the update in a message; None for the final message of a successful request.

    Raises:
        TimeAudioError: the worker reported a failure.
    """
    match message.WhichOneof("update"):
        case "started":
            return RequestStarted(queue_s=message.started.queue_s)
        case "encoded":
            return AudioEncoded(encode_s=message.encoded.encode_s, num_audio_tokens=message.encoded.num_audio_tokens)
        case "event":
            return EventFound(message.event.index, _event(message.event.event))
        case "answer":
            return _answered(message.answer)
        case "failed":
            raise revive(message.failed.error, message.failed.message)
        case _:
            return None


def _event(event: pb.Event) -> Event:
    return Event(intervals=tuple(map(_interval, event.intervals)), caption=event.caption)


def _interval(interval: pb.Interval) -> Interval:
    confidence = interval.confidence if interval.HasField("confidence") else None
    return Interval(interval.start, interval.end, confidence, tuple(interval.embedding) or None)


def _answered(answer: pb.Answer) -> QueryAnswered:
    return QueryAnswered(
        index=answer.index,
        events=tuple(map(_event, answer.events)),
        text=answer.text,
        present=answer.present,
        num_prompt_tokens=answer.num_prompt_tokens,
        num_completion_tokens=answer.num_completion_tokens,
        generate_s=answer.generate_s,
        num_interventions=answer.num_interventions,
    )


def model_info(status: pb.StatusResponse) -> ModelInfo:
    """Return what a ready worker reports about its checkpoint, without tasks that this version does not know."""
    return ModelInfo(name=status.model, tasks=_tasks(status.tasks), calibrated=_tasks(status.calibrated_tasks))


def _tasks(numbers: Iterable[int]) -> tuple[Task, ...]:
    return tuple(task for task in map(task_name, numbers) if task is not None)
