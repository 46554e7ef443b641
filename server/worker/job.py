"""One request, run to its end in the model's thread."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from model.audio.waveform import SAMPLE_RATE, Waveform
from model.errors import TaskNotSupported
from model.timeline.event import Event
from server.engine.convert import task_name
from server.errors import Cancelled, DeadlineExceeded
from server.pb.timeaudio.worker.v1 import worker_pb2 as pb


class Answer(Protocol):
    """What the pipeline says about one query, or about the whole recording: see `model.pipeline.Answer`."""

    events: tuple[Event, ...]
    text: str
    present: bool
    num_prompt_tokens: int
    num_completion_tokens: int


class Pipeline(Protocol):
    """What the worker needs of `model.pipeline.Pipeline`. Recordings and options pass through unseen."""

    name: str
    tasks: Sequence[str]

    def encode(self, waveform: Waveform) -> Any:
        """What the language model hears of the recording; has `num_audio_tokens`."""

    def dense_caption(self, recording: Any, options: Any) -> Answer:
        """Everything that is heard."""

    def ground(self, recording: Any, query: str, options: Any) -> Answer:
        """When the query happens."""


class Job:
    """One request between its arrival and its last update.

    Attributes:
        cancelled: set from another thread; the job stops at its next step.
    """

    def __init__(self, request: pb.AnalyzeRequest) -> None:
        self.cancelled = False
        self._request = request
        self._received = time.monotonic()

    def run(self, pipeline: Pipeline, decoding: Callable[..., Any]) -> Iterator[pb.AnalyzeResponse]:
        """Started, encoded, one answer per query (or one), done.

        Raises:
            TaskNotSupported: the checkpoint was not trained for it.
            Cancelled, DeadlineExceeded: nobody wants the answer any more; looked at between the steps.
        """
        request = self._request
        task = task_name(request.task)
        if task is None or task not in pipeline.tasks:
            raise TaskNotSupported(
                f"{pipeline.name} was not trained for {task or 'this task'}; it does: {', '.join(pipeline.tasks)}."
            )
        options = decoding(num_beams=request.options.num_beams, max_new_tokens=request.options.max_new_tokens)
        self._check()
        yield pb.AnalyzeResponse(started=pb.Started(queue_s=time.monotonic() - self._received))

        begun = time.monotonic()
        recording = pipeline.encode(_waveform(request))
        encode_s = time.monotonic() - begun
        yield pb.AnalyzeResponse(encoded=pb.Encoded(encode_s=encode_s, num_audio_tokens=recording.num_audio_tokens))

        for index, query in enumerate(request.queries if task == "ground" else ("",)):
            self._check()
            begun = time.monotonic()
            if task == "ground":
                answer = pipeline.ground(recording, query, options)
            else:
                answer = pipeline.dense_caption(recording, options)
            yield pb.AnalyzeResponse(answer=_message(index, answer, generate_s=time.monotonic() - begun))
        yield pb.AnalyzeResponse(done=pb.Done())

    def _check(self) -> None:
        if self.cancelled:
            raise Cancelled("The caller went away.")
        if 0 < self._request.deadline_s < time.monotonic() - self._received:
            raise DeadlineExceeded("The answer was not ready in time.")


def _waveform(request: pb.AnalyzeRequest) -> Waveform:
    if request.sample_rate != SAMPLE_RATE:
        raise ValueError(f"Samples come at {SAMPLE_RATE} per second, not {request.sample_rate}.")
    # A copy: the message's own bytes are read-only, which torch does not take.
    return Waveform(np.frombuffer(request.pcm, dtype="<f4").astype(np.float32))


def _message(index: int, answer: Answer, *, generate_s: float) -> pb.Answer:
    return pb.Answer(
        index=index,
        events=[
            pb.Event(intervals=[pb.Interval(start=i.start, end=i.end) for i in event.intervals], caption=event.caption)
            for event in answer.events
        ],
        text=answer.text,
        present=answer.present,
        num_prompt_tokens=answer.num_prompt_tokens,
        num_completion_tokens=answer.num_completion_tokens,
        generate_s=generate_s,
    )
