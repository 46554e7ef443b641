"""Requests as real programs send them: odd file names, null, base64 with line breaks, HEAD, and whole URLs."""

import base64
import gzip
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

CHANGING = {"id", "timing"}


@pytest.fixture(scope="module")
def client(four_tasks: Any) -> Iterator[httpx.Client]:
    with four_tasks.client() as client:
        yield client


@pytest.fixture(scope="module")
def sound(tone_wav: Callable[..., bytes]) -> bytes:
    return tone_wav(3.0)


def answer_of(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    return {name: value for name, value in response.json().items() if name not in CHANGING}


def multipart(client: httpx.Client, sound: bytes, disposition: str, query: str = "", extra: str = "") -> httpx.Response:
    head = f"--x\r\nContent-Disposition: form-data; {disposition}\r\n{extra}Content-Type: audio/wav\r\n\r\n"
    return client.post(
        f"/v1/dense-caption{query}",
        content=head.encode() + sound + b"\r\n--x--\r\n",
        headers={"content-type": "multipart/form-data; boundary=x"},
    )


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("name=\"file\"; filename*=utf-8''stra%C3%9Fe.wav", "straße.wav"),
        ('name="file"; filename*="UTF-8\'\'stra%C3%9Fe.wav"', "straße.wav"),
        ("name=file; FILENAME*=iso-8859-1'de'stra%DFe.wav", "straße.wav"),
        ("filename*=utf-8''a%22b%3B.wav; name=\"file\"", 'a"b;.wav'),
        ("name=\"file\"; filename*0*=utf-8''stra%C3%9F; filename*1=e.wav", "straße.wav"),
        ('name="file"; filename*0="my "; filename*1="street.wav"', "my street.wav"),
        ('name="file"; filename="plain.wav"; filename*=utf-8\'\'other.wav', "plain.wav"),
        ('name="file"; filename*=broken.wav', "broken.wav"),
        ('name="file"; filename*=', "recording"),
    ],
)
def test_a_file_with_an_extended_name(client: httpx.Client, sound: bytes, disposition: str, name: str) -> None:
    response = multipart(client, sound, disposition, "?response_format=label-studio")
    assert response.status_code == 200, response.text
    assert response.json()[0]["data"]["audio"] == name


def test_a_field_without_a_file_name_is_still_text(client: httpx.Client, sound: bytes) -> None:
    assert multipart(client, sound, 'name="file"').status_code == 422


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "x-made-up", "identity, GZIP"])
def test_an_encoded_body_is_refused_by_name(client: httpx.Client, sound: bytes, encoding: str) -> None:
    headers = {"content-encoding": encoding}
    chat: dict[str, Any] = {"model": "scripted", "messages": []}
    for response in (
        client.post("/v1/dense-caption", content=gzip.compress(sound), headers=headers | {"content-type": "audio/wav"}),
        client.post("/v1/dense-caption", files={"file": sound}, headers=headers),
        client.post("/v1/dense-caption", json={"file": ""}, headers=headers),
        client.post("/v1/chat/completions", json=chat, headers=headers),
    ):
        problem = response.json()
        assert response.status_code == (400 if "error" in problem else 415)
        detail = problem["detail"] if "detail" in problem else problem["error"]["message"]
        assert encoding.rpartition(" ")[2] in detail
        assert "Send the file as it is" in detail


def test_an_identical_encoding_is_none(client: httpx.Client, sound: bytes) -> None:
    headers = {"content-encoding": "identity", "content-type": "audio/wav"}
    assert client.post("/v1/dense-caption", content=sound, headers=headers).is_success
    named = 'name="file"; filename="a.wav"'
    assert multipart(client, sound, named, extra="Content-Transfer-Encoding: binary\r\n").is_success
    for extra in ("Content-Transfer-Encoding: base64\r\n", "Content-Encoding: gzip\r\n"):
        response = multipart(client, sound, named, extra=extra)
        assert response.status_code == 415
        assert extra.strip() in response.json()["detail"]


def as_text(sound: bytes, form: str) -> str:
    plain = base64.b64encode(sound).decode()
    lines = base64.encodebytes(sound).decode()
    return {
        "lines": lines,
        "crlf": lines.replace("\n", "\r\n"),
        "data URL": f"data:audio/wav;base64,{plain}",
        "data URL of a recorder": f"data:audio/webm;codecs=opus;base64,{plain}",
        "data URL with lines": f"\nDATA:;BASE64,{lines}",
        "data URL without a type": f"data:;base64,{plain}",
    }[form]


FORMS = ["lines", "crlf", "data URL", "data URL of a recorder", "data URL with lines", "data URL without a type"]


@pytest.mark.parametrize("form", FORMS)
def test_base64_as_tools_and_browsers_write_it(client: httpx.Client, sound: bytes, form: str) -> None:
    expected = answer_of(client.post("/v1/dense-caption", files={"file": sound}))
    assert answer_of(client.post("/v1/dense-caption", json={"file": as_text(sound, form)})) == expected
    part = {"type": "input_audio", "input_audio": {"data": as_text(sound, form), "format": None}}
    body = {"model": "scripted", "messages": [{"role": "user", "content": [part]}]}
    response = client.post("/v1/chat/completions", json=body)
    assert response.status_code == 200, response.text
    assert response.json()["result"]["events"] == expected["events"]


@pytest.mark.parametrize(
    "text", ["UklG!", "data:audio/wav,UklGRg==", "data:;base64,Ukl*", "ÜklG", "UklGR", "data:;base64"]
)
def test_what_is_not_base64(client: httpx.Client, text: str) -> None:
    response = client.post("/v1/dense-caption", json={"file": text})
    assert response.status_code == 422
    [error] = response.json()["errors"]
    assert error["pointer"] == "#/file"
    assert "is not base64; send the file's bytes as base64" in error["detail"]


def test_null_means_left_out(client: httpx.Client, sound: bytes) -> None:
    fields = ("response_format", "name", "start", "end", "num_beams", "max_new_tokens", "min_confidence", "stream")
    body = {"file": base64.b64encode(sound).decode(), **dict.fromkeys((*fields, "timeout_s", "track"))}
    assert answer_of(client.post("/v1/dense-caption", json=body)) == answer_of(
        client.post("/v1/dense-caption", files={"file": sound})
    )
    part = {"type": "input_audio", "input_audio": {"data": body["file"], "format": None}}
    chat = {"model": "scripted", "messages": [{"role": "user", "content": [part]}], "stream": None}
    chat |= {"stream_options": {"include_usage": None}, "max_tokens": None, "start": None, "task": None}
    assert client.post("/v1/chat/completions", json=chat).is_success


def test_json_may_begin_with_a_byte_order_mark_and_is_utf_8(client: httpx.Client, sound: bytes) -> None:
    text, headers = json.dumps({"file": base64.b64encode(sound).decode()}), {"content-type": "application/json"}
    assert client.post("/v1/dense-caption", content=text.encode("utf-8-sig"), headers=headers).is_success
    refused = client.post("/v1/dense-caption", content=text.encode("utf-16"), headers=headers)
    assert (refused.status_code, "not valid JSON in UTF-8" in refused.json()["detail"]) == (400, True)


@pytest.mark.parametrize("damage", [lambda body: body[:-10], lambda body: body.replace(b"\r\n--", b"\n--")])
def test_a_form_without_its_end_is_refused_as_such(
    client: httpx.Client, sound: bytes, damage: Callable[[bytes], bytes]
) -> None:
    head = b'--BOUNDARY\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    body = damage(head + bytes(100) + b"\r\n--BOUNDARY--\r\n")
    headers = {"content-type": "multipart/form-data; boundary=BOUNDARY"}
    refused = client.post("/v1/dense-caption", content=body, headers=headers)
    assert (refused.status_code, "last boundary is missing" in refused.json()["detail"]) == (400, True)


def test_a_whole_number_may_be_written_with_a_point(client: httpx.Client, sound: bytes) -> None:
    body = {"file": base64.b64encode(sound).decode(), "num_beams": 1.0, "max_new_tokens": 300.0, "start": 1}
    assert answer_of(client.post("/v1/dense-caption", json=body))["audio"] == {
        "duration": 2.0,
        "start": 1.0,
        "warnings": [],
    }
    assert client.post("/v1/dense-caption", json=body | {"num_beams": 1.5}).status_code == 422


ACCEPTED = 'send the recording as {"type": "input_audio", "input_audio": {"data": "BASE64"}}'


@pytest.mark.parametrize(
    ("content", "where", "says"),
    [
        (
            [{"type": "audio_url", "audio_url": {"url": "http://x"}}],
            "messages.0.content.0",
            "'audio_url' are not supported",
        ),
        ([{"type": "text", "text": "a"}, {"type": "input_text", "text": "a"}], "messages.0.content.1", "'input_text'"),
        ([{"type": "file", "file": {"file_data": "x"}}], "messages.0.content.0", "'file'"),
        ([{"type": "x" * 500}], "messages.0.content.0", "x" * 40 + "' are not supported"),
        ([{"text": "a"}], "messages.0.content.0", "without a type"),
        ([{"type": 5}], "messages.0.content.0", "without a type"),
        (["words"], "messages.0.content.0", "without a type"),
        ([None], "messages.0.content.0", "without a type"),
        ([{"type": "input_audio", "data": "x"}], "messages.0.content.0", "is not a complete part of type input_audio"),
        ([{"type": "input_audio", "input_audio": "x"}], "messages.0.content.0", "is not a complete part"),
        ([{"type": "text", "text": 5}], "messages.0.content.0", "is not a complete part of type text"),
        ({"type": "text"}, "messages.0.content", "must be text or a list of parts"),
        (5, "messages.0.content", "must be text or a list of parts"),
    ],
)
def test_a_message_part_that_is_not_read(client: httpx.Client, content: Any, where: str, says: str) -> None:
    body = {"model": "scripted", "messages": [{"role": "user", "content": content}]}
    response = client.post("/v1/chat/completions", json=body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["param"] == where
    assert says in error["message"]
    assert ACCEPTED in error["message"]
    assert len(error["message"]) < 400
    for inside in ("discriminator", "union", "dictionary", "Input should"):
        assert inside not in error["message"]


@pytest.mark.parametrize(
    "path", ["/livez", "/readyz", "/metrics", "/v1/models", "/v1/models/scripted", "/docs", "/redoc"]
)
def test_head_is_get_without_a_body(client: httpx.Client, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (get.status_code, b"") == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    assert client.head("/v1/models/gpt").status_code == 404
    assert client.head("/v1/ground").status_code == 405


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://{host}/v1/models", 200),
        ("HTTP://{host}/v1/models?x=http://y/", 200),
        ("https://elsewhere.example/livez", 200),
        ("http://{host}", 200),
        ("http://{host}/v1/no%2Fthing", 404),
        ("/v1/http://{host}/models", 404),
    ],
)
def test_a_request_line_with_a_whole_url(client: httpx.Client, target: str, status: int) -> None:
    host, port = client.base_url.host, client.base_url.port
    with socket.create_connection((host, port or 80), timeout=30) as connection:
        target = target.format(host=f"{host}:{port}")
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert connection.recv(100).startswith(f"HTTP/1.1 {status} ".encode())
