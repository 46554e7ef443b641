"""/openapi.json changes only on purpose."""

import json
from pathlib import Path
from typing import Any

import pytest

from server.app import create_app
from server.settings import Settings
from server.workers.worker_pool import WorkerPool
from timeaudio.formats import FORMATS

SNAPSHOT = Path(__file__).with_name("openapi.json")
TASK_ROUTES = ("/v1/dense-caption", "/v1/ground", "/v1/summarize", "/v1/ask")
OPENAI = (
    ("/v1/chat/completions", "post"),
    ("/v1/audio/transcriptions", "post"),
    ("/v1/models", "get"),
    ("/v1/models/{name}", "get"),
)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(WorkerPool(Settings(), checkpoint=None), Settings()).openapi()


def _without_prose(value: Any) -> Any:
    """Return a part of the document without its descriptions and summaries."""
    if isinstance(value, list):
        return [_without_prose(item) for item in value]
    if not isinstance(value, dict):
        return value
    prose = {name for name in ("description", "summary") if isinstance(value.get(name), str)}
    return {name: _without_prose(item) for name, item in value.items() if name not in prose}


def test_snapshot(document: dict[str, Any]) -> None:
    expected = _without_prose(json.loads(SNAPSHOT.read_text()))
    assert _without_prose(json.loads(json.dumps(document))) == expected, (
        "The API changed. If it was meant to: python -m server --openapi > tests/contract/openapi.json"
    )


def test_problems_are_documented_with_examples(document: dict[str, Any]) -> None:
    for path in TASK_ROUTES:
        responses = document["paths"][path]["post"]["responses"]
        assert responses.keys() == {"200", "400", "408", "413", "415", "422", "429", "500", "503", "504"}, path
        for status in responses.keys() - {"200"}:
            ((media_type, content),) = responses[status]["content"].items()
            assert media_type == "application/problem+json", path
            for slug, example in content["examples"].items():
                assert example["value"]["type"] == f"urn:timeaudio:problem:{slug}", path
                assert str(example["value"]["status"]) == status, path
        assert "Retry-After" in responses["429"]["headers"], path
        assert "Retry-After" in responses["503"]["headers"], path


def test_every_format_is_documented_with_an_example(document: dict[str, Any]) -> None:
    for path in TASK_ROUTES:
        content = document["paths"][path]["post"]["responses"]["200"]["content"]
        assert content.keys() == {row.media_type for row in FORMATS.values()} | {"text/event-stream"}, path
        shown = {name: media_type for media_type, description in content.items() for name in description["examples"]}
        assert shown == {name: row.media_type for name, row in FORMATS.items()} | {"stream": "text/event-stream"}, path
        assert content["application/json"]["schema"]["$ref"].startswith("#/components/schemas/"), path


def test_three_kinds_of_body_are_documented(document: dict[str, Any]) -> None:
    for path in TASK_ROUTES:
        operation = document["paths"][path]["post"]
        content = operation["requestBody"]["content"]
        kinds = {"multipart/form-data", "application/json", "audio/*", "application/octet-stream"}
        assert content.keys() == kinds, path
        fields = content["multipart/form-data"]["schema"]["properties"].keys()
        assert content["application/json"]["schema"]["properties"].keys() == fields, path
        assert {parameter["name"] for parameter in operation["parameters"]} == fields - {"file"}, path
        example = content["application/json"]["example"]
        assert set(content["application/json"]["schema"]["required"]) <= example.keys() <= fields, path


def test_openai_routes_document_the_error_object(document: dict[str, Any]) -> None:
    for path, method in OPENAI:
        responses = document["paths"][path][method]["responses"]
        assert "503" in responses, path
        for status in responses.keys() - {"200"}:
            schema = responses[status]["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}, (path, status)


def test_every_reference_exists(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    def references(node: object) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [found for value in node.values() for found in references(value)]
        return [found for value in node for found in references(value)] if isinstance(node, list) else []

    found = references(document)
    assert found
    for reference in found:
        assert reference.removeprefix("#/components/schemas/") in schemas


def test_forms_name_their_fields(document: dict[str, Any]) -> None:
    def form(path: str) -> dict[str, Any]:
        content = document["paths"][path]["post"]["requestBody"]["content"]
        return dict(content["multipart/form-data"]["schema"])

    required = {path: form(path)["required"] for path in TASK_ROUTES}
    expected = (["file"], ["file", "query"], ["file"], ["file", "question"])
    assert required == dict(zip(TASK_ROUTES, expected, strict=True))
    assert "null" not in json.dumps([form(path) for path in TASK_ROUTES])  # forms cannot contain null
