"""Every route of a real server in every format: the text equals what the writers make from its JSON."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.scripted_engine import CAPTION
from timeaudio import AsyncClient, Client
from timeaudio.formats import FORMATS, write
from timeaudio.results import AnyAnswer, DenseCaption, Grounding, QuestionAnswer, Summary

ROUTES: dict[str, tuple[type[AnyAnswer], dict[str, Any]]] = {
    "/v1/dense-caption": (DenseCaption, {}),
    "/v1/ground": (Grounding, {"query": ["a dog", "nothing"]}),
    "/v1/summarize": (Summary, {}),
    "/v1/ask": (QuestionAnswer, {"question": "how often?"}),
}
NAME = "the street.flac"
PART = {"start": "1", "end": "4"}


@pytest.fixture(scope="module")
def client(four_tasks: Any) -> Iterator[httpx.Client]:
    with four_tasks.client() as client:
        yield client


@pytest.fixture(scope="module")
def sound(tone_wav: Callable[..., bytes]) -> bytes:
    return tone_wav(5.0)


@pytest.fixture(scope="module")
def answers(client: httpx.Client, sound: bytes) -> dict[str, AnyAnswer]:
    """The JSON answer of each route."""
    found = {}
    for path, (kind, fields) in ROUTES.items():
        response = client.post(path, data=fields | PART, files={"file": (NAME, sound)})
        assert response.status_code == 200, response.text
        found[path] = kind.model_validate_json(response.content)
    return found


@pytest.mark.parametrize("path", ROUTES)
def test_every_route_in_every_format(
    client: httpx.Client, sound: bytes, answers: dict[str, AnyAnswer], path: str
) -> None:
    for name in FORMATS:
        fields = ROUTES[path][1] | PART | {"response_format": name}
        response = client.post(path, data=fields, files={"file": (NAME, sound)})
        assert response.status_code == 200, response.text
        assert response.headers["content-type"].partition(";")[0] == FORMATS[name].media_type
        if FORMATS[name].media_type.startswith("text/"):
            assert response.headers["content-type"].endswith("; charset=utf-8")
        first = answers[path]
        text = response.content.decode()
        if name in ("json", "verbose_json"):  # ids and timings differ per request
            second = ROUTES[path][0].model_validate_json(text)
            text = write(second.model_copy(update={"id": first.id, "timing": first.timing}), name)
        else:
            text = text.replace(_id_in(text), first.id)
        assert text == write(first, name, name=NAME)


def _id_in(text: str) -> str:
    start = text.find("ta-")
    return text[start : start + len("ta-") + 32] if start >= 0 else "no id"


def test_the_answers_have_the_expected_content(answers: dict[str, AnyAnswer]) -> None:
    captions, grounding, summary, answered = answers.values()
    assert isinstance(captions, DenseCaption)
    assert [(e.caption, [(i.start, i.end) for i in e.intervals]) for e in captions.events] == [
        (CAPTION, [(1.0, 2.5), (2.4, 4.0)])
    ]
    assert isinstance(grounding, Grounding)
    assert [(r.query, r.present, len(r.intervals)) for r in grounding.results] == [
        ("a dog", True, 1),
        ("nothing", False, 0),
    ]
    assert isinstance(summary, Summary)
    assert [(s.start, s.end, s.summary) for s in summary.segments] == [(1.0, 2.5, "Hello."), (2.5, 4.0, "Goodbye.")]
    assert isinstance(answered, QuestionAnswer)
    assert (answered.question, answered.answer, len(answered.intervals)) == ("how often?", "HOW OFTEN?", 1)


METHODS = dict(zip(ROUTES, ("dense_caption", "ground", "summarize", "ask"), strict=True))
WORDS = {"/v1/ground": [["a dog", "nothing"]], "/v1/ask": ["how often?"]}


@pytest.mark.parametrize("path", ROUTES)
def test_both_python_clients_give_the_same_text_in_every_format(
    four_tasks: Any, sound: bytes, answers: dict[str, AnyAnswer], path: str, tmp_path: Path
) -> None:
    file = tmp_path / NAME
    file.write_bytes(sound)
    words, part = WORDS.get(path, []), {"start": 1.0, "end": 4.0}
    texts = [name for name in FORMATS if name not in ("json", "verbose_json")]

    async def ask_all() -> list[Any]:
        async with AsyncClient(four_tasks.url) as client:
            ask = getattr(client, METHODS[path])
            return [await ask(file, *words, response_format=name, **part) for name in ("json", *texts)]

    with Client(four_tasks.url) as client:
        ask = getattr(client, METHODS[path])
        blocking = [ask(file, *words, response_format=name, **part) for name in ("json", *texts)]
    first = answers[path]
    for answer, *written in (blocking, asyncio.run(ask_all())):
        assert answer.model_copy(update={"id": first.id, "timing": first.timing}) == first
        for name, text in zip(texts, written, strict=True):
            assert text.replace(_id_in(text), first.id) == write(first, name, name=NAME)


def test_the_error_for_an_unknown_format_lists_all_formats(client: httpx.Client, sound: bytes) -> None:
    response = client.post("/v1/dense-caption", data={"response_format": "ass"}, files={"file": sound})
    assert response.status_code == 422
    [error] = response.json()["errors"]
    assert error["pointer"] == "#/response_format"
    assert "'label-studio'" in error["detail"]
