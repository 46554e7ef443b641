"""The clients with a scripted server.

`connect` is Client or an AsyncClient with the same interface; Client alone tests what both share.
"""

import io
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from timeaudio import ApiError, Client, FieldError, ServerUnreachable, UnexpectedAnswer
from timeaudio.audio_source import AudioSource
from timeaudio.responses import retry_after_s

SOUND = bytes(range(256)) * 40
BUSY = {"type": "overloaded", "title": "The queue is full", "status": 429, "detail": "Come back in 1 s."}


def test_dense_caption_sends_the_file_and_reads_the_events(server, caption_json):
    server.answer(200, caption_json)
    with Client(server.url) as client:
        result = client.dense_caption(SOUND)
    assert server.received[0].path == "/v1/dense-caption"
    assert server.received[0].fields == [("file", SOUND)]
    (event,) = result.events
    assert event.caption == "A dog barks."
    assert [(interval.start, interval.end) for interval in event.intervals] == [(0.0, 2.5), (3.2, 8.0)]
    assert result.usage.audio_tokens == 30
    assert result.timing.total_s == 0.31


def test_a_path_bytes_and_a_file_object_send_the_same_file(connect, server, caption_json, tmp_path):
    server.answer(200, caption_json)
    path = tmp_path / "clip.wav"
    path.write_bytes(SOUND)
    with connect(server.url) as client:
        for audio in (path, str(path), SOUND, io.BytesIO(SOUND)):
            client.dense_caption(audio)
    assert [request.all("file") for request in server.received] == [[SOUND]] * 4


def test_ground_sends_every_query_with_one_file(server, grounding_json):
    server.answer(200, grounding_json)
    with Client(server.url) as client:
        result = client.ground(SOUND, ["a dog barks", "rain"], num_beams=4, start=1.5)
    request = server.received[0]
    assert request.path == "/v1/ground"
    assert request.all("query") == [b"a dog barks", b"rain"]
    assert request.all("num_beams") == [b"4"]
    assert request.all("start") == [b"1.5"]
    assert len(request.all("file")) == 1
    assert [found.present for found in result.results] == [True, False]
    assert result.results[0].intervals[0].confidence == 0.75


def test_a_busy_server_is_retried_after_retry_after(connect, server, caption_json, tmp_path):
    path = tmp_path / "clip.wav"
    path.write_bytes(SOUND)
    server.answer(429, BUSY, headers={"Retry-After": "1"})
    server.answer(503, BUSY, headers={"Retry-After": "0"})
    server.answer(200, caption_json)
    started = time.monotonic()
    with connect(server.url) as client:
        client.dense_caption(path)
    assert time.monotonic() - started >= 1.0
    assert [request.all("file") for request in server.received] == [[SOUND]] * 3, "the whole file is sent each time"


def changing(monkeypatch, path, content):
    """Let the file at `path` get another content once it is open."""
    opened = AudioSource.opened

    def open_and_change(source):
        file = opened(source)
        path.write_bytes(content)
        return file

    monkeypatch.setattr(AudioSource, "opened", open_and_change)


def test_a_file_that_grows_is_sent_as_it_was_when_it_was_opened(connect, server, caption_json, tmp_path, monkeypatch):
    path = tmp_path / "clip.wav"
    path.write_bytes(SOUND)
    changing(monkeypatch, path, SOUND * 100_000)
    server.answer(200, caption_json)
    with connect(server.url) as client:
        assert client.dense_caption(path).events
    assert server.received[0].all("file") == [SOUND]


def test_a_file_that_becomes_shorter_is_an_error_that_says_so(connect, server, caption_json, tmp_path, monkeypatch):
    path = tmp_path / "clip.wav"
    path.write_bytes(SOUND * 100_000)
    changing(monkeypatch, path, SOUND)
    server.answer(200, caption_json)
    with connect(server.url) as client, pytest.raises(OSError, match="became shorter while it was read; try again"):
        client.dense_caption(path)


def test_retry_after_is_a_count_of_seconds_or_a_date():
    def read(text):
        return retry_after_s(httpx.Response(503, headers={"Retry-After": text}))

    now = datetime.now(UTC)
    assert read("30") == 30.0
    assert 3000 < read(format_datetime(now + timedelta(hours=1), usegmt=True)) <= 3600
    assert read(format_datetime(now - timedelta(hours=1), usegmt=True)) == 0.0
    assert [read(text) for text in ("soon", "-3", "")] == [None, None, None]


def test_an_invalid_retry_after_uses_the_default_backoff(server, caption_json):
    server.answer(503, BUSY, headers={"Retry-After": "soon"})
    server.answer(200, caption_json)
    started = time.monotonic()
    with Client(server.url) as client:
        client.dense_caption(SOUND)
    assert time.monotonic() - started >= 0.5
    assert len(server.received) == 2


def test_a_wait_longer_than_retry_for_s_is_not_begun(connect, server):
    server.answer(429, BUSY, headers={"Retry-After": "30"})
    with connect(server.url, retry_for_s=5) as client, pytest.raises(ApiError) as caught:
        client.dense_caption(SOUND)
    assert caught.value.status == 429
    assert caught.value.retry_after_s == 30.0
    assert len(server.received) == 1


def test_other_errors_are_raised_at_once(connect, server):
    with connect(server.url) as client:
        for status in (400, 404, 413, 415, 422, 500, 504):
            server.script.clear()
            server.received.clear()
            server.answer(status, BUSY, headers={"Retry-After": "1"})
            with pytest.raises(ApiError):
                client.dense_caption(SOUND)
            assert len(server.received) == 1, status


def test_an_error_has_the_fields_of_the_problem(server):
    problem = {
        "type": "urn:timeaudio:invalid-field",
        "title": "A form field is wrong",
        "status": 422,
        "detail": "Mend these fields.",
        "instance": "/v1/ground#7",
        "errors": [{"pointer": "#/query", "detail": "Say what to look for."}],
    }
    server.answer(422, problem, content_type="application/problem+json")
    with Client(server.url) as client, pytest.raises(ApiError) as caught:
        client.ground(SOUND, "")
    error = caught.value
    assert (error.status, error.type, error.title) == (422, "urn:timeaudio:invalid-field", "A form field is wrong")
    assert error.instance == "/v1/ground#7"
    assert error.errors == (FieldError(pointer="#/query", detail="Say what to look for."),)
    assert str(error) == "Mend these fields. (query: Say what to look for.)"


def test_a_field_in_the_detail_is_not_repeated_in_the_message(server):
    field = {"pointer": "#/end", "detail": "must come after start"}
    server.answer(422, {"detail": "end: must come after start", "errors": [field, "nonsense"]})
    with Client(server.url) as client, pytest.raises(ApiError) as caught:
        client.dense_caption(SOUND)
    assert str(caught.value) == "end: must come after start"


def test_an_error_response_of_another_program_is_an_api_error(server):
    for body, content_type in (
        (b"<html>Bad gateway</html>", "text/html"),
        (b"{broken", "application/json"),
        (b"[1]", "application/json"),
    ):
        server.script.clear()
        server.answer(502, body, content_type=content_type)
        with Client(server.url) as client, pytest.raises(ApiError, match="502") as caught:
            client.dense_caption(SOUND)
        assert server.url in str(caught.value), body


def test_an_unexpected_answer_is_an_error(server):
    for body in (b"hello", b"{}", b'{"id": "a", "events": 3}'):
        server.script.clear()
        server.answer(200, body)
        with Client(server.url) as client, pytest.raises(UnexpectedAnswer, match="Check the address"):
            client.dense_caption(SOUND)


def test_unknown_fields_of_a_newer_server_are_ignored(server, caption_json):
    caption_json["novelty"] = 1
    caption_json["events"][0]["colour"] = "blue"
    server.answer(200, caption_json)
    with Client(server.url) as client:
        assert client.dense_caption(SOUND).events


def test_the_error_for_an_unreachable_server_says_what_to_do(connect):
    with connect("http://127.0.0.1:9") as client, pytest.raises(ServerUnreachable, match="timeaudio serve"):
        client.dense_caption(SOUND)


def test_a_server_that_never_answers_times_out(connect, server, caption_json):
    release = threading.Event()
    server.answer(200, caption_json)
    answer = server._answer
    server._answer = lambda request: (release.wait(5), answer(request))
    with connect(server.url, timeout=0.2) as client, pytest.raises(ServerUnreachable, match="in time"):
        client.dense_caption(SOUND)
    release.set()


def test_an_address_without_scheme_or_host_is_rejected(connect):
    for address in ("localhost:8000", "ftp://host", "http://", "", "http://[::1", "//host"):
        with pytest.raises(ValueError, match="http://HOST:PORT"):
            connect(address)


def test_a_proxy_is_not_used_for_this_machine(server, caption_json, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    server.answer(200, caption_json)
    with Client(server.url) as client:
        assert client.dense_caption(SOUND).events


def test_a_missing_file_is_an_os_error(connect, server, tmp_path):
    with connect(server.url) as client, pytest.raises(FileNotFoundError):
        client.dense_caption(tmp_path / "nothing.wav")


def test_is_ready_follows_readyz(connect, server):
    server.answer(503, BUSY)
    server.answer(200, {"status": "ready"})
    with connect(server.url) as client:
        assert not client.is_ready()
        assert client.is_ready()
    assert {request.path for request in server.received} == {"/readyz"}
    with connect("http://127.0.0.1:9") as nobody:
        assert not nobody.is_ready()
