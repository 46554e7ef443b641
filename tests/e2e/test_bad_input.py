"""Every invalid request gets a 4xx problem that says what to do; afterwards the server works as before."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

ONE_MIB = 1024 * 1024


@pytest.fixture(scope="module")
def scripted(run_scripted: Callable[..., Any]) -> Iterator[Any]:
    """A server that accepts at most 150 s of audio, so that the limit is reached quickly."""
    with run_scripted(TIMEAUDIO_LIMITS__AUDIO_SECONDS="150") as server:
        yield server


@pytest.fixture(scope="module")
def client(scripted: Any) -> Iterator[httpx.Client]:
    with scripted.client() as client:
        yield client


def problem(response: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    """Check that the response is the expected problem document, and return it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["type"] == f"urn:timeaudio:problem:{slug}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert body["instance"] == f"urn:timeaudio:request:{response.headers['x-request-id']}"
    return body


def test_text_renamed_to_wav(client: httpx.Client) -> None:
    response = client.post("/v1/dense-caption", files={"file": ("song.wav", b"this is no sound at all\n" * 50)})
    assert "flac" in problem(response, 415, "unsupported-audio")["detail"]


def test_empty_file(client: httpx.Client) -> None:
    response = client.post("/v1/dense-caption", files={"file": ("empty.wav", b"")})
    assert "0 bytes" in problem(response, 422, "empty-audio")["detail"]


def test_header_without_samples(client: httpx.Client, tone_wav: Callable[..., bytes]) -> None:
    response = client.post("/v1/dense-caption", files={"file": tone_wav(1.0)[:44]})
    assert response.status_code == 422
    assert response.json()["type"].split(":")[-1] in ("empty-audio", "corrupt-audio")


def test_truncated_mp3(client: httpx.Client, encoded: Callable[..., bytes]) -> None:
    whole = encoded("mp3", 3.0)
    assert client.post("/v1/dense-caption", files={"file": whole}).is_success
    problem(client.post("/v1/dense-caption", files={"file": whole[: len(whole) // 2 + 100]}), 422, "corrupt-audio")


def test_a_hundredth_of_a_second(client: httpx.Client, tone_wav: Callable[..., bytes]) -> None:
    response = client.post("/v1/dense-caption", files={"file": tone_wav(0.01)})
    assert "0.1" in problem(response, 422, "empty-audio")["detail"]
    assert client.post("/v1/dense-caption", files={"file": tone_wav(0.1)}).is_success


def test_three_hours_of_audio_in_a_megabyte(scripted: Any, client: httpx.Client, hours_of_silence: bytes) -> None:
    assert len(hours_of_silence) < 1.5 * ONE_MIB
    before = sum(scripted.tree().values())
    peak = before
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.02):
            peak = max(peak, sum(scripted.tree().values()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.monotonic()
    responses = [client.post("/v1/dense-caption", files={"file": hours_of_silence}) for _ in range(2)]
    took_s = time.monotonic() - started
    done.set()
    watcher.join()
    for response in responses:
        detail = problem(response, 413, "audio-too-long")["detail"]
        assert "Send at most 150 s" in detail
        assert "TIMEAUDIO_LIMITS__AUDIO_SECONDS" in detail
    assert peak - before < 150 * ONE_MIB
    assert took_s < 20  # decoding stopped at the limit


def test_audio_of_exactly_the_limit_is_accepted(client: httpx.Client, tone_wav: Callable[..., bytes]) -> None:
    assert client.post("/v1/dense-caption", files={"file": tone_wav(150.0)}).is_success
    assert client.post("/v1/dense-caption", files={"file": tone_wav(150.1)}).status_code == 413


def test_a_playlist_that_names_a_local_file(
    client: httpx.Client, tone_wav: Callable[..., bytes], tmp_path: Path
) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(tone_wav(1.0))
    for text in (f"ffconcat version 1.0\nfile '{secret}'\n", f"#EXTM3U\n#EXTINF:1,\n{secret}\n"):
        problem(client.post("/v1/dense-caption", files={"file": text.encode()}), 415, "unsupported-audio")


def test_an_unknown_field_lists_the_valid_ones(client: httpx.Client, tone_wav: Callable[..., bytes]) -> None:
    response = client.post("/v1/ground", data={"queries": "a dog"}, files={"audio": tone_wav(1.0)})
    errors = {error["pointer"]: error["detail"] for error in problem(response, 422, "invalid-field")["errors"]}
    assert errors.keys() == {"#/file", "#/audio", "#/queries", "#/query"}  # all at once
    for name in ("file", "query", "start", "end", "num_beams", "max_new_tokens", "timeout_s"):
        assert name in errors["#/audio"]


def test_a_file_sent_as_text_or_twice(client: httpx.Client, tone_wav: Callable[..., bytes]) -> None:
    body = b'--x\r\ncontent-disposition: form-data; name="file"\r\n\r\nclip.wav\r\n--x--\r\n'
    as_text = client.post(
        "/v1/dense-caption", content=body, headers={"content-type": "multipart/form-data; boundary=x"}
    )
    assert "@" in problem(as_text, 422, "invalid-field")["detail"]
    twice = client.post("/v1/dense-caption", files=[("file", tone_wav(1.0)), ("file", tone_wav(1.0))])
    assert "2 times" in problem(twice, 422, "invalid-field")["detail"]


def test_empty_query(client: httpx.Client, tone_wav: Callable[..., bytes]) -> None:
    for query in ("", " \n "):
        response = client.post("/v1/ground", data={"query": ["a dog", query]}, files={"file": tone_wav(1.0)})
        assert "Query 2 of 2" in problem(response, 422, "empty-prompt")["detail"]


def test_long_query(client: httpx.Client, tone_wav: Callable[..., bytes]) -> None:
    def post(length: int) -> httpx.Response:
        return client.post("/v1/ground", data={"query": "x" * length}, files={"file": tone_wav(1.0)})

    assert "500" in problem(post(10_000), 422, "prompt-too-long")["detail"]
    problem(post(501), 422, "prompt-too-long")
    assert post(500).is_success


def test_too_many_queries(client: httpx.Client, tone_wav: Callable[..., bytes]) -> None:
    def post(count: int) -> httpx.Response:
        return client.post("/v1/ground", data={"query": ["a dog"] * count}, files={"file": tone_wav(1.0)})

    assert len(post(32).json()["results"]) == 32
    assert "at most 32" in problem(post(33), 422, "invalid-field")["detail"]
    assert post(1000).status_code in (400, 422)


WRONG_VALUES: list[tuple[dict[str, Any], str]] = [
    ({"start": "-1"}, "start"),
    ({"start": "soon"}, "start"),
    ({"start": "nan"}, "start"),
    ({"start": "1e308"}, "start"),
    ({"end": "inf"}, "end"),
    ({"start": "2", "end": "1"}, "end"),
    ({"start": "1", "end": "1"}, "end"),
    ({"end": "0"}, "end"),
    ({"start": ["1", "2"]}, "start"),
    ({"num_beams": "0"}, "num_beams"),
    ({"num_beams": "9"}, "num_beams"),
    ({"num_beams": "1.5"}, "num_beams"),
    ({"max_new_tokens": "1000000"}, "max_new_tokens"),
    ({"timeout_s": "0"}, "timeout_s"),
    ({"timeout_s": "1e9"}, "timeout_s"),
    ({"min_confidence": "0.5"}, "min_confidence"),
]


def test_wrong_values(client: httpx.Client, tone_wav: Callable[..., bytes]) -> None:
    problems = []
    for fields, named in WRONG_VALUES:
        response = client.post("/v1/dense-caption", data=fields, files={"file": tone_wav(3.0)})
        pointers = [error["pointer"] for error in response.json().get("errors", [])]
        if "invalid-field" not in response.text or (response.status_code, pointers) != (422, [f"#/{named}"]):
            problems.append((fields, response.text))
    assert problems == []


def test_start_after_the_end_of_the_file(client: httpx.Client, tone_wav: Callable[..., bytes]) -> None:
    response = client.post("/v1/dense-caption", data={"start": "5"}, files={"file": tone_wav(3.0)})
    assert "3.00 s long" in problem(response, 422, "empty-audio")["detail"]


def test_bodies_of_other_media_types(client: httpx.Client, tone_wav: Callable[..., bytes]) -> None:
    sound = tone_wav(1.0)
    for media_type in ("application/x-www-form-urlencoded", "text/plain", "image/png", "nonsense"):
        response = client.post("/v1/dense-caption", content=sound, headers={"content-type": media_type})
        detail = problem(response, 415, "unsupported-body")["detail"]
        assert media_type in detail
        assert "-F file=@recording.wav" in detail
    problem(client.post("/v1/dense-caption"), 415, "unsupported-body")
    for media_type in ("multipart/form-data", "multipart/form-data; boundary=other"):
        response = client.post("/v1/dense-caption", content=b"--x\r\nrubbish", headers={"content-type": media_type})
        problem(response, 400, "malformed-request")


def test_unknown_paths_and_methods(client: httpx.Client) -> None:
    slash = client.post("/v1/ground/")  # not a redirect, which curl does not follow
    for response, status in ((client.get("/v1/nothing"), 404), (client.get("/v1/ground"), 405), (slash, 404)):
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["status"] == status


def test_the_server_still_works_afterwards(scripted: Any, client: httpx.Client, tone_wav: Callable[..., bytes]) -> None:
    assert client.get("/readyz").is_success
    response = client.post("/v1/ground", data={"query": "a dog"}, files={"file": tone_wav(1.0)})
    assert response.json()["results"] == [
        {"query": "a dog", "present": True, "intervals": [{"start": 0.1, "end": 0.5, "confidence": None}]}
    ]
    assert scripted.metric("timeaudio_worker_restarts_total") == 0
    assert scripted.metric("timeaudio_audio_seconds_inside") == 0
    assert "Traceback" not in scripted.text()
