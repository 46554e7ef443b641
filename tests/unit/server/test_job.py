"""Requests in the model's loop: their updates, in order, and the places where they stop."""

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
from server.engine.protocol import Answered, Encoded, Found, Options, Request, Samples, Started, Update
from server.errors import DeadlineExceeded, InternalError
from server.pb.timeaudio.worker.v1 import worker_pb2 as pb
from server.worker.job import Job
from server.worker.loop import ModelLoop


@pytest.fixture(scope="module")
def scripted() -> ModuleType:
    path = Path(__file__).parents[2] / "scripted_pipeline.py"
    spec = importlib.util.spec_from_file_location("scripted_pipeline", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Worked:
    """A loop without its thread, and what it has told."""

    def __init__(self, scripted: ModuleType) -> None:
        self.messages: dict[Job, list[pb.AnalyzeResponse]] = {}
        self.session = scripted.Pipeline.load().session()
        self.loop = ModelLoop(self.session, scripted.Decoding, self._note)

    def _note(self, told: list[tuple[Job, pb.AnalyzeResponse]]) -> None:
        for job, message in told:
            self.messages.setdefault(job, []).append(message)

    def add(self, message: pb.AnalyzeRequest) -> Job:
        job = Job(message)
        self.loop.add(job)
        return job

    def run(self, turns: int = 1000) -> None:
        """Turns until all is done."""
        for _ in range(turns):
            self.loop.turn()
            if self.session.is_idle:
                return

    def updates(self, job: Job) -> list[Update | None]:
        """As the engine reads them, after a trip over the wire."""
        messages = self.messages.get(job, [])
        return [convert.update(pb.AnalyzeResponse.FromString(message.SerializeToString())) for message in messages]

    def answer(self, message: pb.AnalyzeRequest) -> list[Update | None]:
        """All updates of one request that is alone."""
        job = self.add(message)
        self.run()
        return self.updates(job)


@pytest.fixture
def worked(scripted: ModuleType) -> Worked:
    return Worked(scripted)


def request(*queries: str, seconds: float = 2.0, timeout_s: float = 60.0) -> pb.AnalyzeRequest:
    samples = np.zeros(round(seconds * 16_000), "<f4")
    sent = convert.request_bytes(
        Request(
            id="ta-1",
            task="ground" if queries else "dense_caption",
            samples=Samples(len(samples), samples.tobytes),
            queries=queries,
            options=Options(num_beams=2, max_new_tokens=30),
            deadline=time.monotonic() + timeout_s,
        )
    )
    return pb.AnalyzeRequest.FromString(sent)


def test_an_answer_may_be_longer_where_more_is_heard() -> None:
    def most(seconds: float, options: Options) -> int:
        samples = Samples(round(seconds * 16_000), lambda: b"")
        asked = Request(id="ta-1", task="summarize", samples=samples, options=options, deadline=time.monotonic() + 1)
        return pb.AnalyzeRequest.FromString(convert.request_bytes(asked)).options.max_new_tokens

    lengths = (0.1, 30.0, 30.01, 150.0)
    assert [most(seconds, Options()) for seconds in lengths] == [300, 300, 600, 1500]
    assert [most(seconds, Options(max_new_tokens=7)) for seconds in lengths] == [7, 7, 7, 7]


def test_dense_caption(worked: Worked) -> None:
    started, encoded, found, answered, done = worked.answer(request())
    event = Event((Interval(0, 20),), "All of it.")
    assert isinstance(started, Started)
    assert isinstance(encoded, Encoded)
    assert encoded.num_audio_tokens == 6
    assert found == Found(0, event)
    assert isinstance(answered, Answered)
    assert answered.events == (event,)
    assert (answered.index, answered.present) == (0, True)
    assert (answered.num_prompt_tokens, answered.num_completion_tokens) == (12, 7)
    assert done is None


def test_ground_answers_each_query_in_order(worked: Worked) -> None:
    updates = worked.answer(request("dog", "nothing", "cat"))
    answers = [update for update in updates if isinstance(update, Answered)]
    assert [(answer.index, answer.present) for answer in answers] == [(0, True), (1, False), (2, True)]
    assert sum(isinstance(update, Encoded) for update in updates) == 1


def test_a_short_request_is_answered_while_a_long_one_runs(worked: Worked) -> None:
    long, short = worked.add(request("sleep 30")), worked.add(request("dog"))
    for _ in range(5):
        worked.loop.turn()
    assert worked.updates(short)[-1] is None
    assert [type(update) for update in worked.updates(long)] == [Started, Encoded]
    assert worked.loop.num_running == 1
    worked.loop.cancel(long)
    worked.loop.add(Job(request("dog")))
    worked.run(5)
    assert worked.session.is_idle


def test_a_cancelled_request_is_gone_after_the_step_in_progress(worked: Worked) -> None:
    job = worked.add(request("sleep 30", "cat"))
    worked.loop.turn()
    assert worked.session.num_free == 3
    worked.loop.cancel(job)
    worked.loop.turn()
    assert worked.session.num_free == 4
    assert [type(update) for update in worked.updates(job)] == [Started, Encoded]


def test_a_request_that_waited_too_long_never_starts(worked: Worked) -> None:
    job = worked.add(request(timeout_s=0.01))
    time.sleep(0.02)
    worked.run()
    with pytest.raises(DeadlineExceeded):
        worked.updates(job)


def test_a_deadline_ends_a_running_request(worked: Worked) -> None:
    job = worked.add(request("sleep 30", timeout_s=0.05))
    worked.run()
    assert worked.messages[job][0].HasField("started")
    assert worked.messages[job][-1].failed.error == "DeadlineExceeded"
    assert worked.session.is_idle


def test_a_defect_in_one_request_leaves_the_others_alone(worked: Worked) -> None:
    bad, good = worked.add(request("raise")), worked.add(request("dog"))
    worked.run()
    with pytest.raises(InternalError, match=r"^The model failed\.$"):
        worked.updates(bad)
    assert worked.updates(good)[-1] is None


def test_a_defect_in_a_step_fails_those_in_it_and_nobody_after(worked: Worked) -> None:
    failed = [worked.add(request("break")), worked.add(request("sleep 30"))]
    worked.run()
    for job in failed:
        with pytest.raises(InternalError):
            worked.updates(job)
    assert worked.answer(request("dog"))[-1] is None


def test_a_task_that_was_not_trained_is_refused(worked: Worked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worked.session, "tasks", ("ground",), raising=False)
    with pytest.raises(TaskNotSupported, match="trained for ground"):
        worked.answer(request())
    message = request()
    message.task = 77  # from a newer front end
    with pytest.raises(TaskNotSupported, match="supports: ground"):
        worked.answer(message)
