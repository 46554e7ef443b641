"""Each task with both clients, as objects and as text, and concurrent calls of an AsyncClient."""

import asyncio
import inspect
import io
import os
import threading
from pathlib import Path

import pytest

from timeaudio import AsyncClient, Client, DenseCaption, Grounding, QuestionAnswer, Summary
from timeaudio.formats import FORMATS, write

SOUND = b"sound" * 100
CALLS = {
    "dense_caption": ((), "/v1/dense-caption", {}, DenseCaption),
    "ground": ((["a dog", "rain"],), "/v1/ground", {"query": [b"a dog", b"rain"]}, Grounding),
    "summarize": ((), "/v1/summarize", {}, Summary),
    "ask": (("How often?",), "/v1/ask", {"question": [b"How often?"]}, QuestionAnswer),
}


@pytest.fixture
def answers(caption_json, grounding_json, summary_json, question_json):
    return dict(zip(CALLS, (caption_json, grounding_json, summary_json, question_json), strict=True))


@pytest.mark.parametrize("task", CALLS)
def test_each_task_as_an_object_and_as_text_with_the_name_of_the_file(connect, server, answers, tmp_path, task):
    words, path, fields, kind = CALLS[task]
    file = tmp_path / "my street.flac"
    file.write_bytes(SOUND)
    server.answer(200, answers[task])
    expected = kind.model_validate(answers[task])
    with connect(server.url) as client:
        assert getattr(client, task)(file, *words, start=0.5) == expected
        for name in FORMATS.keys() - {"json"}:
            text = getattr(client, task)(file, *words, start=0.5, response_format=name)
            assert text == write(expected, name, name="my street.flac")
    for request in server.received:
        assert request.path == path
        assert request.all("start") == [b"0.5"]
        assert {name: request.all(name) for name in fields} == fields
        assert {name for name, _ in request.fields} == {"file", "start", *fields}
        assert b"my street" not in request.body


def test_audio_without_a_name_is_called_recording(server, caption_json, tmp_path):
    path = tmp_path / "street.flac"
    path.write_bytes(SOUND)
    server.answer(200, caption_json)
    with Client(server.url) as client, path.open("rb") as file:
        names = [
            client.dense_caption(audio, response_format="rttm").split()[1]
            for audio in (SOUND, io.BytesIO(SOUND), file, str(path))
        ]
    assert names == ["recording", "recording", "street", "street"]


def test_both_clients_have_the_same_methods_with_the_same_arguments():
    def methods(kind):
        found = inspect.getmembers(kind, inspect.isfunction)
        signatures = {name: inspect.signature(method) for name, method in found if not name.startswith("_")}
        return {
            name: str(signature).replace("AsyncIterable", "Iterable").replace(".AsyncStream[", ".Stream[")
            for name, signature in signatures.items()
        }

    ours, theirs = methods(Client), methods(AsyncClient)
    assert ours.pop("close") == theirs.pop("aclose")
    assert ours == theirs
    streams = {f"stream_{name}" for name in CALLS}
    assert ours.keys() == {*CALLS, *streams, "live_dense_caption", "live_ground", "is_ready"}


def test_several_recordings_at_once(server, caption_json):
    server.answer(200, caption_json)
    answer = server._answer
    everyone = threading.Barrier(5, timeout=60)

    def answer_when_all_are_there(request):
        everyone.wait()
        answer(request)

    server._answer = answer_when_all_are_there

    async def run():
        async with AsyncClient(server.url) as client:
            return await asyncio.gather(*(client.dense_caption(SOUND) for _ in range(5)))

    assert len(asyncio.run(run())) == 5


def test_a_cancelled_call_closes_its_file(server, caption_json, tmp_path):
    path = tmp_path / "street.flac"
    path.write_bytes(SOUND)
    server.answer(429, {}, headers={"Retry-After": "30"})

    async def give_up():
        async with AsyncClient(server.url) as client:
            await asyncio.wait_for(client.dense_caption(path), 0.5)

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
    assert len(server.received) == 1
    assert str(path) not in [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]
