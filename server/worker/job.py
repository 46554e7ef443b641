"""One request in the worker: converts its message for the session, and the session's updates to messages."""

import logging
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from model.audio.waveform import SAMPLE_RATE, Waveform
from model.engine.updates import Answered, Done, Encoded, Failed, Found, Started, Update
from model.errors import TaskNotSupported, TimeAudioError
from model.timeline.event import Event
from server.errors import DeadlineExceeded
from server.pb.timeaudio.worker.v1 import worker_pb2 as pb
from server.telemetry.logs import about
from server.worker.spans import Spans
from server.workers.codec import task_name

_log = logging.getLogger(__name__)


class Job:
    """One request between its arrival and its last update.

    Attributes:
        handle: the session's handle for it, once submitted.
        has_started: whether the model has started it.
    """

    def __init__(self, request: pb.AnalyzeRequest, spans: Spans | None = None) -> None:
        self.handle: Any = None
        self.has_started = False
        self._message = request
        self._spans = spans
        self._received = time.monotonic()

    @property
    def request_id(self) -> str:
        """The front end's id of the request."""
        return str(self._message.request_id)

    @property
    def is_late(self) -> bool:
        """Whether its deadline has passed."""
        return 0 < self._message.deadline_s < time.monotonic() - self._received

    def submit(self, session: Any, decoding: Callable[..., Any]) -> None:
        """Submit the request to the session.

        Raises:
            TaskNotSupported: the task is unknown to this version, or the checkpoint was not trained for it.
            DeadlineExceeded: its deadline has passed.
            TimeAudioError: the session rejects it for another reason.
        """
        request = self._message
        if self.is_late:
            raise DeadlineExceeded("The request reached its deadline while waiting. Send it again later.")
        task = task_name(request.task)
        if task is None:
            raise TaskNotSupported(f"Unknown task; {session.name} supports: {', '.join(session.tasks)}.")
        if request.sample_rate != SAMPLE_RATE:
            raise ValueError(f"The sample rate must be {SAMPLE_RATE} Hz, not {request.sample_rate}.")
        # A copy: the message's own bytes are read-only, which torch does not accept.
        waveform = Waveform(np.frombuffer(request.pcm, dtype="<f4").astype(np.float32))
        options = request.options
        self.handle = session.submit(
            waveform,
            task,
            tuple(request.queries) if task in ("ground", "ask") else (),
            decoding(
                num_beams=options.num_beams,
                max_new_tokens=options.max_new_tokens,
                temperature=options.temperature,
                top_p=options.top_p or 1.0,
                seed=options.seed if options.HasField("seed") else None,
            ),
            embeddings=request.embeddings,
            num_passes=max(1, request.num_passes),
            verbatim=request.verbatim,
        )

    def message(self, update: Update) -> pb.AnalyzeResponse:
        """Return the message of an update."""
        if self._spans is not None:
            self._spans.note(update)
        match update:
            case Started():
                self.has_started = True
                return pb.AnalyzeResponse(started=pb.Started(queue_s=update.at_s - self._received))
            case Encoded():
                encoded = pb.Encoded(encode_s=update.encode_s, num_audio_tokens=update.num_audio_tokens)
                return pb.AnalyzeResponse(encoded=encoded)
            case Found():
                return pb.AnalyzeResponse(event=pb.FoundEvent(index=update.index, event=_event(update.event)))
            case Answered():
                return pb.AnalyzeResponse(answer=_answer(update))
            case Failed():
                return failure(update.error, self.request_id)
            case Done():
                return pb.AnalyzeResponse(done=pb.Done())


def failure(error: Exception, request_id: str = "") -> pb.AnalyzeResponse:
    """Return the final message of a failed request."""
    return pb.AnalyzeResponse(failed=failed_message(error, request_id))


def failed_message(error: Exception, request_id: str = "") -> pb.Failed:
    """Describe a TimeAudioError by class and message. Log any other error, and describe it without details."""
    if isinstance(error, TimeAudioError):
        return pb.Failed(error=type(error).__name__, message=str(error))
    name = request_id or "without an id"
    _log.error("Request %s failed in the model.", name, exc_info=error, extra=about(answer_id=name))
    return pb.Failed(error="InternalError", message="The model failed.")


def _event(event: Event) -> pb.Event:
    intervals = [
        pb.Interval(start=i.start, end=i.end, confidence=i.confidence, embedding=i.embedding) for i in event.intervals
    ]
    return pb.Event(intervals=intervals, caption=event.caption)


def _answer(update: Answered) -> pb.Answer:
    answer = update.answer
    return pb.Answer(
        index=update.index,
        events=[_event(event) for event in answer.events],
        text=answer.written,
        present=answer.present,
        num_prompt_tokens=answer.num_prompt_tokens,
        num_completion_tokens=answer.num_completion_tokens,
        generate_s=update.generate_s,
        num_interventions=0 if answer.completion is None else answer.completion.num_interventions,
    )
