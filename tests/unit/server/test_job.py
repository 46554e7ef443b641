"""Jobs in the model loop: the order of their updates, and how they end."""

import importlib.util
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from model.engine.updates import Answered, Encoded, Found, Started
from model.errors import TaskNotSupported
from model.language.decoding import Decoding
from model.task_params import TaskParams
from model.timeline.event import Event
from model.timeline.interval import Interval
from server.errors import DeadlineExceeded, InternalError
from server.pb.timeaudio.worker.v1 import worker_pb2 as pb
from server.worker.job import Job
from server.worker.loop import ModelLoop
from server.workers import codec
from server.workers.protocol import EngineRequest, LazySamples, Update


@pytest.fixture(scope="module")
def scripted() -> ModuleType:
    path = Path(__file__).parents[2] / "scripted_pipeline.py"
    spec = importlib.util.spec_from_file_location("scripted_pipeline", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class LoopHarness:
    """A model loop without its thread, and the messages that it has sent."""

    def __init__(self, scripted: ModuleType) -> None:
        self.messages: dict[Job, list[pb.AnalyzeResponse]] = {}
        self.session = scripted.Pipeline.load().session()
        self.loop = ModelLoop(self.session, self._note)

    def _note(self, messages: list[tuple[Job, pb.AnalyzeResponse]]) -> None:
        for job, message in messages:
            self.messages.setdefault(job, []).append(message)

    def add(self, message: pb.AnalyzeRequest) -> Job:
        job = Job(message)
        self.loop.add(job)
        return job

    def run(self, turns: int = 1000) -> None:
        """Run turns until all requests are done."""
        for _ in range(turns):
            self.loop.turn()
            if self.session.is_idle:
                return

    def updates(self, job: Job) -> list[Update | None]:
        """Return the updates as the engine reads them, after serialization."""
        messages = self.messages.get(job, [])
        return [codec.update(pb.AnalyzeResponse.FromString(message.SerializeToString())) for message in messages]

    def answer(self, message: pb.AnalyzeRequest) -> list[Update | None]:
        """Run a single request and return all its updates."""
        job = self.add(message)
        self.run()
        return self.updates(job)


@pytest.fixture
def harness(scripted: ModuleType) -> LoopHarness:
    return LoopHarness(scripted)


def request(
    *queries: str, seconds: float = 2.0, timeout_s: float = 60.0, embeddings: bool = False
) -> pb.AnalyzeRequest:
    samples = np.zeros(round(seconds * 16_000), "<f4")
    sent = codec.request_bytes(
        EngineRequest(
            id="ta-1",
            params=TaskParams(
                task="ground" if queries else "dense_caption",
                queries=queries,
                decoding=Decoding(num_beams=2, max_new_tokens=30),
                embeddings=embeddings,
            ),
            samples=LazySamples(len(samples), samples.tobytes),
            deadline=time.monotonic() + timeout_s,
        )
    )
    return pb.AnalyzeRequest.FromString(sent)


def test_dense_caption(harness: LoopHarness) -> None:
    started, encoded, found, answered, done = harness.answer(request())
    event = Event((Interval(0, 20),), "All of it.")
    assert isinstance(started, Started)
    assert isinstance(encoded, Encoded)
    assert encoded.num_audio_tokens == 6
    assert found == Found(0, event)
    assert isinstance(answered, Answered)
    assert answered.answer.events == (event,)
    assert (answered.index, answered.answer.present) == (0, True)
    assert (answered.answer.num_prompt_tokens, answered.answer.num_completion_tokens) == (12, 7)
    assert done is None


def test_ground_answers_each_query_in_order(harness: LoopHarness) -> None:
    updates = harness.answer(request("dog", "nothing", "cat"))
    answers = [update for update in updates if isinstance(update, Answered)]
    assert [(answer.index, answer.answer.present) for answer in answers] == [(0, True), (1, False), (2, True)]
    assert sum(isinstance(update, Encoded) for update in updates) == 1


def test_embeddings_are_sent_if_requested(harness: LoopHarness, scripted: ModuleType) -> None:
    for embeddings, expected in ((True, pytest.approx(scripted.EMBEDDING)), (False, None)):
        updates = harness.answer(request("dog", embeddings=embeddings))
        events = [e for u in updates if isinstance(u, Answered) for e in u.answer.events]
        events += [u.event for u in updates if isinstance(u, Found)]
        assert [i.embedding for event in events for i in event.intervals] == [expected] * 2


def test_a_short_request_is_answered_while_a_long_one_runs(harness: LoopHarness) -> None:
    long, short = harness.add(request("sleep 30")), harness.add(request("dog"))
    for _ in range(5):
        harness.loop.turn()
    assert harness.updates(short)[-1] is None
    assert [type(update) for update in harness.updates(long)] == [Started, Encoded]
    assert harness.loop.num_running == 1
    harness.loop.cancel(long)
    harness.loop.add(Job(request("dog")))
    harness.run(5)
    assert harness.session.is_idle


def test_a_cancelled_request_frees_its_slot_after_the_current_step(harness: LoopHarness) -> None:
    job = harness.add(request("sleep 30", "cat"))
    harness.loop.turn()
    assert harness.session.num_free == 3
    harness.loop.cancel(job)
    harness.loop.turn()
    assert harness.session.num_free == 4
    assert [type(update) for update in harness.updates(job)] == [Started, Encoded]


def test_a_request_that_waited_too_long_never_starts(harness: LoopHarness) -> None:
    job = harness.add(request(timeout_s=60.0))
    job._received -= 61.0
    harness.run()
    with pytest.raises(DeadlineExceeded):
        harness.updates(job)


def test_a_deadline_stops_a_running_request(harness: LoopHarness) -> None:
    job = harness.add(request("sleep 30", timeout_s=60.0))
    harness.loop.turn()
    job._received -= 61.0
    harness.run(5)
    assert harness.messages[job][0].HasField("started")
    assert harness.messages[job][-1].failed.error == "DeadlineExceeded"
    assert harness.session.is_idle


def test_an_error_in_one_request_does_not_affect_the_others(harness: LoopHarness) -> None:
    bad, good = harness.add(request("raise")), harness.add(request("dog"))
    harness.run()
    with pytest.raises(InternalError, match=r"^The model failed\.$"):
        harness.updates(bad)
    assert harness.updates(good)[-1] is None


def test_an_error_in_a_step_fails_only_the_requests_in_it(harness: LoopHarness) -> None:
    failed = [harness.add(request("break")), harness.add(request("sleep 30"))]
    harness.run()
    for job in failed:
        with pytest.raises(InternalError):
            harness.updates(job)
    assert harness.answer(request("dog"))[-1] is None


def test_an_unsupported_task_is_rejected(harness: LoopHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness.session, "tasks", ("ground",), raising=False)
    with pytest.raises(TaskNotSupported, match="trained for ground"):
        harness.answer(request())
    message = request()
    message.task = 77  # as a newer front end might send
    with pytest.raises(TaskNotSupported, match="Unknown task 77"):
        harness.answer(message)
