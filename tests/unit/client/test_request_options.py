"""The caller's mistakes are the caller's exceptions, before anything is sent; None means left out."""

import decimal
import io
import tempfile
from pathlib import Path

import numpy as np
import pytest

from timeaudio import Client
from timeaudio.audio_source import AudioSource
from timeaudio.request_options import LiveOptions, RequestOptions, checked_options, checked_queries, checked_words

SOUND = bytes(range(256)) * 40


def test_none_is_left_out_and_numbers_of_any_kind_are_numbers(server, grounding_json):
    server.answer(200, grounding_json)
    with Client(server.url) as client:
        client.ground(
            SOUND,
            ["rain"],
            response_format=None,
            end=None,
            start=np.float32(0.5),
            num_beams=np.int64(2),
            max_new_tokens=300.0,
            min_confidence=np.array(0.25),
            timeout_s=decimal.Decimal("30"),
        )
    [request] = server.received
    sent = {name: value for name, value in request.fields if name != "file"}
    assert sent == {
        "query": b"rain",
        "start": b"0.5",
        "num_beams": b"2",
        "max_new_tokens": b"300",
        "min_confidence": b"0.25",
        "timeout_s": b"30.0",
    }


@pytest.mark.parametrize("value", ["5", True, np.True_, np.zeros(2), 1j, object()])
def test_what_is_no_number_is_a_type_error(value):
    with pytest.raises(TypeError, match="start must be a number, not"):
        checked_options({"start": value}, RequestOptions)


def test_embeddings_are_requested_with_a_boolean(server, caption_json):
    server.answer(200, caption_json)
    with Client(server.url) as client:
        for value in (True, np.True_, None):
            client.dense_caption(SOUND, embeddings=value)
        with pytest.raises(TypeError, match="embeddings must be True or False, not int"):
            client.dense_caption(SOUND, embeddings=1)
    assert [request.all("embeddings") for request in server.received] == [[b"true"], [b"true"], []]


@pytest.mark.parametrize("value", [1.5, float("nan"), float("inf"), -1, 2**32])
def test_a_count_that_cannot_be_sent_is_a_value_error(value):
    with pytest.raises(ValueError, match="num_beams must be"):
        checked_options({"num_beams": value}, RequestOptions)


def test_a_wrong_request_is_refused_before_anything_is_sent(connect, server, caption_json):
    server.answer(200, caption_json)
    with connect(server.url) as client:
        for call in (
            lambda: client.dense_caption(SOUND, start="5"),
            lambda: client.ground(SOUND, 3),
            lambda: client.ask(SOUND, 3),
            lambda: client.dense_caption(5),
        ):
            with pytest.raises(TypeError):
                call()
        with pytest.raises(ValueError, match="'ass' is not a format"):
            client.dense_caption(SOUND, response_format="ass")
    assert server.received == []


def test_an_unknown_option_is_a_type_error_that_lists_the_known_ones(connect, server):
    with connect(server.url) as client, pytest.raises(TypeError, match="'begin' is not an option.*start, end"):
        client.dense_caption(SOUND, begin=1.0)
    with connect(server.url) as client, pytest.raises(TypeError, match="'begin'"):
        client.stream_dense_caption(SOUND, begin=None).answer()
    assert server.received == []


def test_queries_must_be_text():
    assert checked_queries("rain") == ["rain"]
    assert checked_queries(word for word in ("a", "b")) == ["a", "b"]
    for queries in (None, 3, b"rain", ["rain", 3]):
        with pytest.raises(TypeError, match="must be text"):
            checked_queries(queries)
    with pytest.raises(TypeError, match="question must be text"):
        checked_words(3, "question")
    with pytest.raises(ValueError, match=r"queries\[1\] is not valid Unicode"):
        checked_queries(["rain", "x\ud800y"])


def test_options_of_live_sound():
    given = {"sample_rate": np.int32(44_100), "encoding": None, "window_s": 5}
    assert checked_options(given, LiveOptions) == {"sample_rate": 44_100, "window_s": 5.0}
    with pytest.raises(ValueError, match="'mp3' is not an encoding. Use one of s16le, f32le"):
        checked_options({"encoding": "mp3"}, LiveOptions)
    with pytest.raises(TypeError, match="'start' is not an option"):
        checked_options({"start": 1.0}, LiveOptions)
    assert checked_options({}, RequestOptions) == {}


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, io.BytesIO])
def test_every_kind_of_bytes_is_a_recording(kind):
    assert AudioSource(kind(SOUND)).opened().read() == SOUND


@pytest.mark.parametrize("content", [b"/etc/passwd", b"RIFF\xff\xfe"])
def test_a_file_in_text_mode_is_refused(content):
    with tempfile.NamedTemporaryFile("w+", encoding="utf-8") as wrapper:
        Path(wrapper.name).write_bytes(content)
        for file in (wrapper.file, wrapper):
            with pytest.raises(TypeError, match="text mode.*Open it with mode 'rb'"):
                AudioSource(file)


@pytest.mark.parametrize("array", [np.zeros((2, 100), np.int16), np.float32(0.5)])
def test_an_array_is_refused_with_advice(array):
    with pytest.raises(TypeError, match=r"sample rate. Write it as wav"):
        AudioSource(array)


class Coroutine:
    async def read(self):
        return b""


@pytest.mark.parametrize("thing", [None, [1, 2], Coroutine()])
def test_anything_else_says_what_to_give(thing):
    with pytest.raises(TypeError, match="Give a path, the bytes"):
        AudioSource(thing)
