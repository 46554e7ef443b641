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


FILE_NAMES = {
    "name=\"file\"; filename*=utf-8''stra%C3%9Fe.wav": "straße.wav",
    'name="file"; filename*="UTF-8\'\'stra%C3%9Fe.wav"': "straße.wav",
    "name=file; FILENAME*=iso-8859-1'de'stra%DFe.wav": "straße.wav",
    "filename*=utf-8''a%22b%3B.wav; name=\"file\"": 'a"b;.wav',
    "name=\"file\"; filename*0*=utf-8''stra%C3%9F; filename*1=e.wav": "straße.wav",
    'name="file"; filename*0="my "; filename*1="street.wav"': "my street.wav",
    'name="file"; filename="plain.wav"; filename*=utf-8\'\'other.wav': "plain.wav",
    'name="file"; filename*=broken.wav': "broken.wav",
    'name="file"; filename*=': "recording",
}
"""Content-Disposition -> name of the recording."""


def test_a_file_with_an_extended_name(client: httpx.Client, sound: bytes) -> None:
    found = {}
    for disposition in FILE_NAMES:
        response = multipart(client, sound, disposition, "?response_format=label-studio")
        found[disposition] = response.json()[0]["data"]["audio"] if response.is_success else response.text
    assert found == FILE_NAMES


def test_an_encoded_body_is_refused_by_name(client: httpx.Client, sound: bytes) -> None:
    chat: dict[str, Any] = {"model": "scripted", "messages": []}
    problems = []
    for encoding in ("gzip", "x-made-up", "identity, GZIP"):
        headers = {"content-encoding": encoding}
        raw = {"content": gzip.compress(sound), "headers": headers | {"content-type": "audio/wav"}}
        for response, status in (
            (client.post("/v1/dense-caption", **raw), 415),
            (client.post("/v1/dense-caption", files={"file": sound}, headers=headers), 415),
            (client.post("/v1/dense-caption", json={"file": ""}, headers=headers), 415),
            (client.post("/v1/chat/completions", json=chat, headers=headers), 400),
        ):
            problem = response.json()
            detail = problem["error"]["message"] if status == 400 else problem["detail"]
            words = (encoding.rpartition(" ")[2], "Send the file as it is")
            if response.status_code != status or not all(word in detail for word in words):
                problems.append((encoding, response.text))
    assert problems == []


def test_an_identical_encoding_is_none(client: httpx.Client, sound: bytes) -> None:
    headers = {"content-encoding": "identity", "content-type": "audio/wav"}
    assert client.post("/v1/dense-caption", content=sound, headers=headers).is_success
    named = 'name="file"; filename="a.wav"'
    assert multipart(client, sound, named, extra="Content-Transfer-Encoding: binary\r\n").is_success
    for extra in ("Content-Transfer-Encoding: base64\r\n", "Content-Encoding: gzip\r\n"):
        response = multipart(client, sound, named, extra=extra)
        assert response.status_code == 415
        assert extra.strip() in response.json()["detail"]


def texts(sound: bytes) -> dict[str, str]:
    """A recording in base64, as tools and browsers write it."""
    plain = base64.b64encode(sound).decode()
    lines = base64.encodebytes(sound).decode()
    return {
        "lines": lines,
        "crlf": lines.replace("\n", "\r\n"),
        "data URL": f"data:audio/wav;base64,{plain}",
        "data URL of a recorder": f"data:audio/webm;codecs=opus;base64,{plain}",
        "data URL with lines": f"\nDATA:;BASE64,{lines}",
        "data URL without a type": f"data:;base64,{plain}",
    }


def test_base64_as_tools_and_browsers_write_it(client: httpx.Client, sound: bytes) -> None:
    expected = answer_of(client.post("/v1/dense-caption", files={"file": sound}))
    problems = []
    for form, text in texts(sound).items():
        task = client.post("/v1/dense-caption", json={"file": text})
        if not task.is_success or answer_of(task) != expected:
            problems.append((form, task.text))
        part = {"type": "input_audio", "input_audio": {"data": text, "format": None}}
        body = {"model": "scripted", "messages": [{"role": "user", "content": [part]}]}
        chat = client.post("/v1/chat/completions", json=body)
        if not chat.is_success or chat.json()["result"]["events"] != expected["events"]:
            problems.append((form, chat.text))
    assert problems == []


def test_what_is_not_base64(client: httpx.Client) -> None:
    problems = []
    for text in ("UklG!", "data:audio/wav,UklGRg==", "data:;base64,Ukl*", "ÜklG", "UklGR", "data:;base64"):
        response = client.post("/v1/dense-caption", json={"file": text})
        errors = {error["pointer"]: error["detail"] for error in response.json().get("errors", [])}
        is_explained = "is not base64; send the file's bytes as base64" in errors.get("#/file", "")
        if response.status_code != 422 or len(errors) != 1 or not is_explained:
            problems.append((text, response.text))
    assert problems == []


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


def test_a_field_that_is_null_in_json_may_be_in_the_query_string(client: httpx.Client, sound: bytes) -> None:
    body = {"file": base64.b64encode(sound).decode(), "query": None, "start": None}
    answer = answer_of(client.post("/v1/ground?query=rain&start=1", json=body))
    assert (answer["audio"]["start"], [result["query"] for result in answer["results"]]) == (1.0, ["rain"])
    refused = client.post("/v1/ground", json=body | {"colour": None})
    assert {error["pointer"]: error["detail"].split(";")[0] for error in refused.json()["errors"]} == {
        "#/query": "missing",
        "#/colour": "unknown",
    }


def test_json_may_begin_with_a_byte_order_mark_and_is_utf_8(client: httpx.Client, sound: bytes) -> None:
    text, headers = json.dumps({"file": base64.b64encode(sound).decode()}), {"content-type": "application/json"}
    assert client.post("/v1/dense-caption", content=text.encode("utf-8-sig"), headers=headers).is_success
    refused = client.post("/v1/dense-caption", content=text.encode("utf-16"), headers=headers)
    assert (refused.status_code, "not valid JSON in UTF-8" in refused.json()["detail"]) == (400, True)


def test_a_form_without_its_end_is_refused_as_such(client: httpx.Client) -> None:
    head = b'--BOUNDARY\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    whole = head + bytes(100) + b"\r\n--BOUNDARY--\r\n"
    headers = {"content-type": "multipart/form-data; boundary=BOUNDARY"}
    for body in (whole[:-10], whole.replace(b"\r\n--", b"\n--")):
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


UNREAD: list[tuple[Any, str, str]] = [
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
]
"""Content of a message, the place in it that the error names, and what it says."""
INTERNAL = ("discriminator", "union", "dictionary", "Input should")


def test_a_message_part_that_is_not_read(client: httpx.Client) -> None:
    problems = []
    for content, where, says in UNREAD:
        body = {"model": "scripted", "messages": [{"role": "user", "content": content}]}
        response = client.post("/v1/chat/completions", json=body)
        error = response.json().get("error", {"param": None, "message": ""})
        message = error["message"]
        is_right = (response.status_code, error["param"]) == (400, where) and says in message and ACCEPTED in message
        if not is_right or len(message) >= 400 or any(word in message for word in INTERNAL):
            problems.append((content, response.text))
    assert problems == []


def test_a_million_mistakes_are_not_all_reported(client: httpx.Client) -> None:
    many = [1] * 1_000_000
    bodies = {
        "/v1/ground": {"file": "", "query": many},
        "/v1/chat/completions": {"model": "scripted", "messages": many},
        "/v1/chat/completions?": {"model": "scripted", "messages": [{"role": "user", "content": many}]},
    }
    sizes = {path: len(client.post(path, json=body).content) for path, body in bodies.items()}
    assert [path for path, size in sizes.items() if size > 1000] == []


def test_head_is_get_without_a_body(client: httpx.Client) -> None:
    problems = []
    for path in ("/livez", "/readyz", "/metrics", "/v1/models", "/v1/models/scripted", "/docs", "/redoc"):
        head, get = client.head(path), client.get(path)
        found = (head.status_code, head.content, head.headers["content-type"])
        if get.status_code != 200 or found != (200, b"", get.headers["content-type"]):
            problems.append((path, found))
    assert problems == []
    assert client.head("/v1/models/gpt").status_code == 404
    assert client.head("/v1/ground").status_code == 405


TARGETS = {
    "http://{host}/v1/models": 200,
    "HTTP://{host}/v1/models?x=http://y/": 200,
    "https://elsewhere.example/livez": 200,
    "http://{host}": 200,
    "http://{host}/v1/no%2Fthing": 404,
    "/v1/http://{host}/models": 404,
}
"""Target of a request line -> status of the response."""


def test_a_request_line_with_a_whole_url(client: httpx.Client) -> None:
    host, port = client.base_url.host, client.base_url.port
    found = {}
    for target in TARGETS:
        with socket.create_connection((host, port or 80), timeout=30) as connection:
            line = f"GET {target.format(host=f'{host}:{port}')} HTTP/1.1"
            connection.sendall(f"{line}\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            found[target] = int(connection.recv(100).removeprefix(b"HTTP/1.1 ").split()[0])
    assert found == TARGETS
