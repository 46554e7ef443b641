"""The caller's mistakes are the caller's exceptions, before anything is sent; None means left out."""

import decimal
import fractions
import io
import tempfile

import numpy as np
import pytest

from timeaudio.request_options import LiveOptions, RequestOptions, checked_options, checked_queries

SOUND = bytes(range(256)) * 40


def test_none_is_left_out_and_numbers_of_any_kind_are_numbers(connect, server, grounding_json):
    server.answer(200, grounding_json)
    with connect(server.url) as client:
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


@pytest.mark.parametrize("value", ["5", b"5", True, np.True_, [5], np.zeros(2), 1j, object()])
def test_what_is_no_number_is_a_type_error(connect, server, value):
    with connect(server.url) as client, pytest.raises(TypeError, match="start must be a number, not"):
        client.dense_caption(SOUND, start=value)
    assert server.received == []


@pytest.mark.parametrize("value", [True, np.True_])
def test_embeddings_are_requested_with_a_boolean(connect, server, caption_json, value):
    server.answer(200, caption_json)
    with connect(server.url) as client:
        client.dense_caption(SOUND, embeddings=value)
        client.dense_caption(SOUND, embeddings=None)
        with pytest.raises(TypeError, match="embeddings must be True or False, not int"):
            client.dense_caption(SOUND, embeddings=1)
    assert [request.all("embeddings") for request in server.received] == [[b"true"], []]


@pytest.mark.parametrize("value", [1.5, float("nan"), float("inf"), -1, 2**32, fractions.Fraction(1, 3)])
def test_a_count_that_cannot_be_sent_is_a_value_error(connect, server, value):
    with connect(server.url) as client, pytest.raises(ValueError, match="num_beams must be"):
        client.dense_caption(SOUND, num_beams=value)
    assert server.received == []


def test_an_unknown_option_is_a_type_error_that_lists_the_known_ones(connect, server):
    with connect(server.url) as client, pytest.raises(TypeError, match="'begin' is not an option.*start, end"):
        client.dense_caption(SOUND, begin=1.0)
    with connect(server.url) as client, pytest.raises(TypeError, match="'begin'"):
        client.stream_dense_caption(SOUND, begin=None).answer()
    assert server.received == []


@pytest.mark.parametrize("queries", [None, 3, b"rain", ["rain", 3], [None]])
def test_queries_must_be_text(connect, server, queries):
    with connect(server.url) as client, pytest.raises(TypeError, match="must be text"):
        client.ground(SOUND, queries)
    with connect(server.url) as client, pytest.raises(TypeError, match="question must be text"):
        client.ask(SOUND, 3)
    assert server.received == []


def test_options_of_live_sound():
    given = {"sample_rate": np.int32(44_100), "encoding": None, "window_s": 5}
    assert checked_options(given, LiveOptions) == {"sample_rate": 44_100, "window_s": 5.0}
    with pytest.raises(ValueError, match="'mp3' is not an encoding. Use one of s16le, f32le"):
        checked_options({"encoding": "mp3"}, LiveOptions)
    with pytest.raises(TypeError, match="'start' is not an option"):
        checked_options({"start": 1.0}, LiveOptions)
    assert checked_options({}, RequestOptions) == {}
    assert checked_queries(word for word in ("a", "b")) == ["a", "b"]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, io.BytesIO, lambda data: io.BytesIO(bytearray(data))])
def test_every_kind_of_bytes_is_sent(connect, server, caption_json, kind):
    server.answer(200, caption_json)
    with connect(server.url) as client:
        client.dense_caption(kind(SOUND))
    assert server.received[0].all("file") == [SOUND]


def test_a_file_in_text_mode_is_refused(connect, server, tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("/etc/passwd")
    (tmp_path / "sound.wav").write_bytes(b"RIFF\xff\xfe")
    with connect(server.url) as client:
        for file in (path.open(), (tmp_path / "sound.wav").open(encoding="utf-8"), io.StringIO("/etc/passwd")):
            with file, pytest.raises(TypeError, match="text mode.*Open it with mode 'rb'"):
                client.dense_caption(file)
        with tempfile.NamedTemporaryFile("w+") as file, pytest.raises(TypeError, match="text mode"):
            client.dense_caption(file)
    assert server.received == []


@pytest.mark.parametrize("array", [np.zeros(16_000, np.float32), np.zeros((2, 100), np.int16), np.float32(0.5)])
def test_an_array_is_refused_with_advice(connect, server, array):
    with connect(server.url) as client, pytest.raises(TypeError, match=r"sample rate. Write it as wav"):
        client.dense_caption(array)


class Coroutine:
    async def read(self):
        return b""


@pytest.mark.parametrize("thing", [None, 5, [1, 2], (b"x",), object(), Coroutine()])
def test_anything_else_says_what_to_give(connect, server, thing):
    with connect(server.url) as client, pytest.raises(TypeError, match=r"Give a path, the bytes|text mode"):
        client.dense_caption(thing)
