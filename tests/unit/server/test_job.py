"""One request in the worker: its updates, in order, and the places where it stops."""

import importlib.util
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from model.errors import TaskNotSupported
from model.timeline.event import Event
from model.timeline.interval import Interval
from server.engine import convert
from server.engine.protocol import Answered, Encoded, Options, Request, Started, Update
from server.errors import Cancelled, DeadlineExceeded
from server.pb.timeaudio.worker.v1 import worker_pb2 as pb
from server.worker.job import Job


@pytest.fixture(scope="module")
def scripted() -> ModuleType:
    path = Path(__file__).parents[2] / "scripted_pipeline.py"
    spec = importlib.util.spec_from_file_location("scripted_pipeline", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def request(*queries: str, seconds: float = 2.0, timeout_s: float = 60.0) -> pb.AnalyzeRequest:
    pcm = np.zeros(round(seconds * 16_000), "<f4").tobytes()
    return convert.request_message(
        Request(
            id="ta-1",
            task="ground" if queries else "dense_caption",
            pcm=pcm,
            queries=queries,
            options=Options(num_beams=2, max_new_tokens=30),
            deadline=time.monotonic() + timeout_s,
        )
    )


def run(job: Job, scripted: ModuleType) -> list[Update | None]:
    """The updates as the engine reads them, after a trip over the wire."""
    messages = job.run(scripted.Pipeline.load(), scripted.Decoding)
    return [convert.update(pb.AnalyzeResponse.FromString(message.SerializeToString())) for message in messages]


def test_dense_caption(scripted: ModuleType) -> None:
    started, encoded, answered, done = run(Job(request()), scripted)
    assert isinstance(started, Started)
    assert isinstance(encoded, Encoded)
    assert encoded.num_audio_tokens == 6
    assert isinstance(answered, Answered)
    assert answered.events == (Event((Interval(0, 20),), "All of it."),)
    assert (answered.index, answered.present, answered.num_prompt_tokens, answered.num_completion_tokens) == (
        0,
        True,
        12,
        7,
    )
    assert done is None


def test_ground_answers_each_query_in_order(scripted: ModuleType) -> None:
    updates = run(Job(request("dog", "nothing", "cat")), scripted)
    answers = [update for update in updates if isinstance(update, Answered)]
    assert [(answer.index, answer.present) for answer in answers] == [(0, True), (1, False), (2, True)]
    assert sum(isinstance(update, Encoded) for update in updates) == 1


def test_a_cancelled_job_stops_between_queries(scripted: ModuleType) -> None:
    job = Job(request("dog", "cat"))
    updates = job.run(scripted.Pipeline.load(), scripted.Decoding)
    assert [next(updates).WhichOneof("update") for _ in range(3)] == ["started", "encoded", "answer"]
    job.cancelled = True
    with pytest.raises(Cancelled):
        next(updates)


def test_a_job_that_waited_too_long_never_starts(scripted: ModuleType) -> None:
    job = Job(request(timeout_s=0.01))
    time.sleep(0.02)
    with pytest.raises(DeadlineExceeded):
        run(job, scripted)


def test_a_task_that_was_not_trained_is_refused(scripted: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripted.Pipeline, "tasks", ("ground",))
    with pytest.raises(TaskNotSupported, match="it does: ground"):
        run(Job(request()), scripted)
    message = request()
    message.task = 77  # from a newer front end
    with pytest.raises(TaskNotSupported):
        run(Job(message), scripted)
