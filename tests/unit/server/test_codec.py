"""Requests and updates pass through messages of the worker contract unchanged."""

import time

import pytest

from model.engine.updates import Answered, Encoded, Found, ParsedAnswer, Started
from model.language.decoding import Decoding
from model.task_params import TaskParams
from model.timeline.event import Event
from model.timeline.interval import Interval
from server.pb.timeaudio.worker.v1 import worker_pb2 as pb
from server.workers import codec
from server.workers.protocol import EngineRequest, LazySamples

EVENT = Event((Interval(3, 7, 0.25), Interval(9, 10, embedding=(0.5, -0.5))), "A dog barks.")
OPTIONS = pb.Options(num_beams=1, top_p=1.0)
ANSWER = ParsedAnswer((EVENT,), "as written", 12, 7, generate_s=0.5, num_interventions=2, is_cut=True)


@pytest.mark.parametrize(
    "params",
    [
        TaskParams(task="dense_caption"),
        TaskParams(task="ground", queries=("a dog", "rain"), embeddings=True, num_passes=3),
        TaskParams(task="ask", queries=("When?",), decoding=Decoding(num_beams=4, max_new_tokens=7)),
        TaskParams(task="summarize", decoding=Decoding(temperature=0.5, top_p=0.25, seed=0), verbatim=True),
    ],
)
def test_a_request_arrives_as_it_was_sent(params: TaskParams) -> None:
    samples = LazySamples(2, lambda: bytes(8))
    sent = EngineRequest(id="ta-1", params=params, samples=samples, deadline=time.monotonic() + 60)
    message = pb.AnalyzeRequest.FromString(codec.request_bytes(sent))
    assert codec.task_params(message) == params
    assert (message.request_id, message.pcm) == ("ta-1", bytes(8))
    assert 59 < message.deadline_s <= 60


def test_a_message_without_a_number_of_passes_is_about_the_whole() -> None:
    assert codec.task_params(pb.AnalyzeRequest(task=pb.TASK_GROUND, options=OPTIONS)).num_passes == 1


@pytest.mark.parametrize("update", [Started(0.5), Encoded(1.5, 90), Found(2, EVENT), Answered(1, ANSWER)])
def test_an_update_arrives_as_it_was_sent(update: Started | Encoded | Found | Answered) -> None:
    message = codec.update_message(update).SerializeToString()
    assert codec.update(pb.AnalyzeResponse.FromString(message)) == update
