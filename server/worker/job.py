"""One request in the worker: submits it to the session, and converts the session's updates to messages."""

import logging
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from model.audio.waveform import Waveform
from model.engine.updates import Done, Failed, Started, Update
from model.errors import TimeAudioError
from server.errors import DeadlineExceeded
from server.pb.timeaudio.worker.v1 import worker_pb2 as pb
from server.telemetry.logs import about
from server.worker.spans import Spans
from server.workers import codec

if TYPE_CHECKING:
    from server.worker.loop import SessionProtocol

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

    def submit(self, session: "SessionProtocol") -> None:
        """Submit the request to the session.

        Raises:
            TaskNotSupported: the task is unknown to this version, or the checkpoint was not trained for it.
            DeadlineExceeded: its deadline has passed.
            TimeAudioError: the session rejects it for another reason.
        """
        if self.is_late:
            raise DeadlineExceeded("The request reached its deadline while waiting. Send it again later.")
        params = codec.task_params(self._message)
        # A copy: the message's own bytes are read-only, which torch does not accept.
        waveform = Waveform(np.frombuffer(self._message.pcm, dtype="<f4").astype(np.float32))
        self.handle = session.submit(waveform, params, arrived_s=self._received)

    def message(self, update: Update) -> pb.AnalyzeResponse:
        """Return the message of an update."""
        if self._spans is not None:
            self._spans.note(update)
        match update:
            case Failed():
                return failure(update.error, self.request_id)
            case Done():
                return pb.AnalyzeResponse(done=pb.Done())
            case _:
                self.has_started |= isinstance(update, Started)
                return codec.update_message(update)


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
