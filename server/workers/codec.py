"""Converts requests and updates to messages of the worker contract, and back. Pure."""

import time
from collections.abc import Iterable

from model.engine.updates import Answered, Encoded, Found, ParsedAnswer, Started
from model.errors import TaskNotSupported
from model.language.decoding import Decoding
from model.task_params import TaskParams
from model.timeline.event import Event
from model.timeline.interval import Interval
from model.timeline.task import Task
from server.errors import revive
from server.pb.timeaudio.worker.v1 import worker_pb2 as pb
from server.workers.protocol import EngineRequest, ModelInfo, Update

TASKS: dict[Task, pb.Task] = {
    "dense_caption": pb.TASK_DENSE_CAPTION,
    "ground": pb.TASK_GROUND,
    "summarize": pb.TASK_SUMMARIZE,
    "ask": pb.TASK_ASK,
}
_NAMES: dict[int, Task] = {number: name for name, number in TASKS.items()}


def request_bytes(request: EngineRequest) -> bytes:
    """Serialize a request with its samples. The deadline becomes a duration, because the processes share no clock."""
    params = request.params
    message = pb.AnalyzeRequest(
        request_id=request.id,
        pcm=request.samples.read(),
        task=TASKS[params.task],
        queries=params.queries,
        options=pb.Options(
            num_beams=params.decoding.num_beams,
            max_new_tokens=params.decoding.max_new_tokens or 0,
            temperature=params.decoding.temperature,
            top_p=params.decoding.top_p,
            seed=params.decoding.seed,
        ),
        deadline_s=max(0.001, request.deadline - time.monotonic()),
        embeddings=params.embeddings,
        num_passes=params.num_passes,
        verbatim=params.verbatim,
    )
    return message.SerializeToString()


def task_params(message: pb.AnalyzeRequest) -> TaskParams:
    """Return what to do with the recording of a message.

    Raises:
        TaskNotSupported: this version does not know the task.
        ValueError: an option is out of range.
    """
    task = _NAMES.get(message.task)
    if task is None:
        raise TaskNotSupported(f"Unknown task {message.task}; the known ones are {', '.join(TASKS)}.")
    options = message.options
    return TaskParams(
        task=task,
        queries=tuple(message.queries),
        decoding=Decoding(
            num_beams=options.num_beams,
            max_new_tokens=options.max_new_tokens or None,
            temperature=options.temperature,
            top_p=options.top_p,
            seed=options.seed if options.HasField("seed") else None,
        ),
        embeddings=message.embeddings,
        num_passes=max(1, message.num_passes),
        verbatim=message.verbatim,
    )


def update_message(update: Started | Encoded | Found | Answered) -> pb.AnalyzeResponse:
    """Return the message of an update."""
    match update:
        case Started():
            return pb.AnalyzeResponse(started=pb.Started(queue_s=update.queue_s))
        case Encoded():
            encoded = pb.Encoded(encode_s=update.encode_s, num_audio_tokens=update.num_audio_tokens)
            return pb.AnalyzeResponse(encoded=encoded)
        case Found():
            return pb.AnalyzeResponse(event=pb.FoundEvent(index=update.index, event=_event_message(update.event)))
        case Answered():
            return pb.AnalyzeResponse(answer=_answer_message(update.index, update.answer))


def update(message: pb.AnalyzeResponse) -> Update | None:
    """Return the update in a message; None for the final message of a successful request.

    Raises:
        TimeAudioError: the worker reported a failure.
    """
    match message.WhichOneof("update"):
        case "started":
            return Started(message.started.queue_s)
        case "encoded":
            return Encoded(message.encoded.encode_s, message.encoded.num_audio_tokens)
        case "event":
            return Found(message.event.index, _event(message.event.event))
        case "answer":
            return Answered(message.answer.index, _answer(message.answer))
        case "failed":
            raise revive(message.failed.error, message.failed.message)
        case _:
            return None


def _event_message(event: Event) -> pb.Event:
    intervals = [
        pb.Interval(start=i.start, end=i.end, confidence=i.confidence, embedding=i.embedding) for i in event.intervals
    ]
    return pb.Event(intervals=intervals, caption=event.caption)


def _event(message: pb.Event) -> Event:
    return Event(intervals=tuple(map(_interval, message.intervals)), caption=message.caption)


def _interval(message: pb.Interval) -> Interval:
    confidence = message.confidence if message.HasField("confidence") else None
    return Interval(message.start, message.end, confidence, tuple(message.embedding) or None)


def _answer_message(index: int, answer: ParsedAnswer) -> pb.Answer:
    return pb.Answer(
        index=index,
        events=map(_event_message, answer.events),
        text=answer.written,
        num_prompt_tokens=answer.num_prompt_tokens,
        num_completion_tokens=answer.num_completion_tokens,
        generate_s=answer.generate_s,
        num_interventions=answer.num_interventions,
        is_cut=answer.is_cut,
    )


def _answer(message: pb.Answer) -> ParsedAnswer:
    return ParsedAnswer(
        events=tuple(map(_event, message.events)),
        written=message.text,
        num_prompt_tokens=message.num_prompt_tokens,
        num_completion_tokens=message.num_completion_tokens,
        generate_s=message.generate_s,
        num_interventions=message.num_interventions,
        is_cut=message.is_cut,
    )


def model_info(status: pb.StatusResponse) -> ModelInfo:
    """Return what a ready worker reports about its checkpoint, without tasks that this version does not know."""
    return ModelInfo(name=status.model, tasks=_tasks(status.tasks), calibrated=_tasks(status.calibrated_tasks))


def _tasks(numbers: Iterable[int]) -> tuple[Task, ...]:
    return tuple(_NAMES[number] for number in numbers if number in _NAMES)
