"""A recording can be sent as a form, as a raw body or in JSON, with the same answers and the same error checks."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

AUDIO_TYPES = ("audio/wav", "audio/x-anything; rate=16000", "video/mp4", "application/octet-stream", "application/ogg")
CHANGING = {"id", "timing"}
TWICE = "is in both the body and the query string; send it once"


@pytest.fixture(scope="module")
def client(four_tasks: Any) -> Iterator[httpx.Client]:
    with four_tasks.client() as client:
        yield client


@pytest.fixture(scope="module")
def sound(tone_wav: Callable[..., bytes]) -> bytes:
    return tone_wav(3.0)


def text(sound: bytes) -> str:
    return base64.b64encode(sound).decode()


def answer_of(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    return {name: value for name, value in response.json().items() if name not in CHANGING}


def raw(client: httpx.Client, path: str, body: Any, media_type: str = "audio/wav") -> httpx.Response:
    return client.post(path, content=body, headers={"content-type": media_type})


def pointers(response: httpx.Response) -> dict[str, str]:
    assert response.status_code == 422, response.text
    return {error["pointer"].removeprefix("#/"): error["detail"] for error in response.json()["errors"]}


def test_a_raw_body(client: httpx.Client, sound: bytes) -> None:
    form = client.post("/v1/ground", data={"query": ["a dog", "nothing"], "start": "1"}, files={"file": sound})
    path = "/v1/ground?query=a+dog&query=nothing&start=1"
    found = {media_type: answer_of(raw(client, path, sound, media_type)) for media_type in AUDIO_TYPES}
    assert found == dict.fromkeys(AUDIO_TYPES, answer_of(form))


def test_a_chunked_raw_body(client: httpx.Client, sound: bytes) -> None:
    pieces = iter([sound[:10], sound[10:1000], sound[1000:]])
    assert answer_of(raw(client, "/v1/dense-caption", pieces))["audio"]["duration"] == 3.0


def test_json(client: httpx.Client, sound: bytes) -> None:
    form = client.post("/v1/ground", data={"query": ["a dog", "nothing"], "start": "1"}, files={"file": sound})
    fields = {"file": text(sound), "query": ["a dog", "nothing"], "start": 1, "end": None}
    assert answer_of(client.post("/v1/ground", json=fields)) == answer_of(form)


def test_fields_of_a_form_may_be_in_the_query_string(client: httpx.Client, sound: bytes) -> None:
    response = client.post("/v1/dense-caption?response_format=srt", files={"file": sound})
    assert response.text.startswith("1\n00:00:00,000 --> ")
    both = client.post("/v1/dense-caption?start=1", data={"start": "1"}, files={"file": sound})
    assert pointers(both) == {"start": TWICE}
    twice = client.post("/v1/dense-caption?start=1&start=2", files={"file": sound})
    assert pointers(twice) == {"start": "was sent 2 times; send it once"}


def test_the_name_of_a_raw_body(client: httpx.Client, sound: bytes) -> None:
    for fields, name in (("name=a+b.flac&", "a b.flac"), ("", "recording")):
        rows = raw(client, f"/v1/dense-caption?{fields}response_format=tsv", sound).text.splitlines()
        assert {row.split("\t")[0] for row in rows[1:]} == {name}


def test_the_name_of_an_upload_is_its_base_name(client: httpx.Client, sound: bytes) -> None:
    def name(file: Any, **fields: str) -> str:
        fields["response_format"] = "rttm"
        return client.post("/v1/dense-caption", data=fields, files={"file": file}).text.split()[1]

    assert name(("../../etc/my street.flac", sound)) == "my_street"
    assert name(("street.flac", sound), name="other.wav") == "other"


def test_all_mistakes_in_the_query_string_are_reported(client: httpx.Client, sound: bytes) -> None:
    response = raw(client, "/v1/ground?start=soon&num_beams=1&num_beams=2&quarry=x&file=y", sound)
    assert pointers(response).keys() == {"start", "num_beams", "quarry", "file", "query"}


def test_bodies_without_sound(client: httpx.Client) -> None:
    for response in (raw(client, "/v1/dense-caption", b""), client.post("/v1/dense-caption", json={"file": ""})):
        assert response.status_code == 422
        assert "0 bytes" in response.json()["detail"]
    assert raw(client, "/v1/dense-caption", b"no sound at all").status_code == 415


def test_a_charset_that_does_not_fit_the_form(client: httpx.Client, sound: bytes) -> None:
    for charset in ("undefined", "punycode"):
        kind = f"multipart/form-data; boundary=x; charset={charset}"
        part = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n\xff\xfe\r\n--x--\r\n'
        response = client.post("/v1/dense-caption", content=part, headers={"content-type": kind})
        assert response.status_code in (400, 422), charset


def test_a_charset_whose_names_cannot_be_repeated(client: httpx.Client) -> None:
    for charset, half in (("utf-7", b"+2AA-"), ("unicode_escape", rb"\ud800")):
        kind = f"multipart/form-data; boundary=x; charset={charset}"
        part = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n1\r\n--x--\r\n'
        response = client.post(
            "/v1/dense-caption", content=part % half.replace(b"\\", b"\\\\"), headers={"content-type": kind}
        )
        assert (response.status_code, "send UTF-8" in response.text) == (400, True), response.text


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"file": None}, "file"),
    ({"file": 5}, "file"),
    ({"query": "a dog"}, "query"),
    ({"query": [1]}, "query/0"),
    ({"query": []}, "query"),
    ({"query": None}, "query"),
    ({"start": "1"}, "start"),
    ({"start": True}, "start"),
    ({"num_beams": 1.5}, "num_beams"),
    ({"num_beams": "2"}, "num_beams"),
    ({"response_format": 3}, "response_format"),
    ({"quarry": ["a dog"]}, "quarry"),
]


def test_mistakes_in_json(client: httpx.Client, sound: bytes) -> None:
    problems = []
    for change, named in MISTAKES:
        response = client.post("/v1/ground", json={"file": text(sound), "query": ["a dog"]} | change)
        if response.status_code != 422 or pointers(response).keys() != {named}:
            problems.append((change, response.text))
    assert problems == []


def test_fields_of_json_may_be_in_the_query_string(client: httpx.Client, sound: bytes) -> None:
    response = client.post("/v1/ground?query=a+dog&start=1", json={"file": text(sound), "end": 2.5})
    assert answer_of(response)["audio"] == {"duration": 1.5, "start": 1.0, "warnings": []}
    both = client.post("/v1/dense-caption?start=1", json={"file": text(sound), "start": 1})
    assert pointers(both) == {"start": TWICE}


def test_bodies_that_are_not_a_json_object(client: httpx.Client) -> None:
    problems = []
    for body in (b"", b"{", b"[]", b'"x"', b"null", b'{"file": "\\ud800"}', b"\xff", b"[" * 100_000):
        response = raw(client, "/v1/dense-caption", body, "application/json")
        if (response.status_code, response.json()["type"]) != (400, "urn:timeaudio:problem:malformed-request"):
            problems.append((body[:20], response.text))
    assert problems == []


def test_json_has_its_own_size_limit(run_scripted: Any, sound: bytes) -> None:
    body = json.dumps({"file": text(sound)}).encode()
    with run_scripted(TIMEAUDIO_LIMITS__JSON_BYTES=str(len(body))) as server, server.client() as client:
        assert raw(client, "/v1/dense-caption", body, "application/json").is_success
        for longer in (body + b" ", iter([body, b" "])):
            response = raw(client, "/v1/dense-caption", longer, "application/json")
            assert response.status_code == 413
            assert "TIMEAUDIO_LIMITS__JSON_BYTES" in response.json()["detail"]
            assert "multipart" in response.json()["detail"]
        assert raw(client, "/v1/dense-caption", sound).is_success


def test_a_raw_body_is_not_read_beyond_the_limit(run_scripted: Any, sound: bytes) -> None:
    limits = {"TIMEAUDIO_LIMITS__UPLOAD_BYTES": str(len(sound))}
    with run_scripted(**limits) as server, server.client() as client:
        assert raw(client, "/v1/dense-caption", sound).is_success
        for longer in (sound + b"x", iter([sound, b"x"])):
            response = raw(client, "/v1/dense-caption", longer)
            assert response.status_code == 413
            assert "TIMEAUDIO_LIMITS__UPLOAD_BYTES" in response.json()["detail"]
        assert server.metric("timeaudio_audio_seconds_inside") == 0


def test_an_unsupported_task_is_rejected_before_the_body_is_read(run_scripted: Any) -> None:
    with run_scripted() as server, server.client() as client:
        for path in ("/v1/summarize", "/v1/ask"):
            response = raw(client, path, b"whatever")
            assert response.status_code == 422
            assert response.json()["type"] == "urn:timeaudio:problem:task-not-supported"
            assert "scripted was not trained for" in response.json()["detail"]
            assert "dense_caption, ground" in response.json()["detail"]
        assert client.get("/v1/models").json()["data"][0]["tasks"] == ["dense_caption", "ground"]
        chat = {"model": "scripted", "messages": [{"role": "user", "content": "Summarize it."}]}
        response = client.post("/v1/chat/completions", json=chat)
        assert (response.status_code, response.json()["error"]["code"]) == (400, "task_not_supported")


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_trace_is_continued_or_started_and_each_response_has_an_id(client: httpx.Client) -> None:
    given = f"00-{TRACE}-00f067aa0ba902b7-01"
    version, trace, span, flags = client.get("/livez", headers={"traceparent": given}).headers["traceparent"].split("-")
    assert (version, trace, flags) == ("00", TRACE, "01")
    assert span != "00f067aa0ba902b7"
    first, second = (client.get("/livez") for _ in range(2))
    assert first.headers["traceparent"].split("-")[1] != second.headers["traceparent"].split("-")[1]
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert client.get("/livez", headers={"x-request-id": "mine-7"}).headers["x-request-id"] == "mine-7"
    two = httpx.Headers([("traceparent", given)] * 2)
    assert TRACE not in client.get("/livez", headers=two).headers["traceparent"]
