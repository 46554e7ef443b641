"""What /openapi.json promises changes only on purpose."""

import json
from pathlib import Path
from typing import Any

import pytest

from server.app import create_app
from server.engine.worker_engine import WorkerEngine
from server.settings import Settings

SNAPSHOT = Path(__file__).with_name("openapi.json")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(WorkerEngine(Settings(), checkpoint=None), Settings()).openapi()


def test_snapshot(document: dict[str, Any]) -> None:
    expected = json.loads(SNAPSHOT.read_text())
    assert json.loads(json.dumps(document)) == expected, (
        "The API changed. If it was meant to: python -m server --openapi > tests/contract/openapi.json"
    )


@pytest.mark.parametrize("path", ["/v1/dense-caption", "/v1/ground"])
def test_problems_are_documented_with_examples(document: dict[str, Any], path: str) -> None:
    responses = document["paths"][path]["post"]["responses"]
    assert responses.keys() == {"200", "400", "408", "413", "415", "422", "429", "500", "503", "504"}
    for status, response in responses.items():
        if status == "200":
            assert response["content"].keys() == {"application/json"}
            continue
        (media_type,) = response["content"]
        assert media_type == "application/problem+json"
        for slug, example in response["content"][media_type]["examples"].items():
            assert example["value"]["type"] == f"urn:timeaudio:problem:{slug}"
            assert str(example["value"]["status"]) == status
    assert "Retry-After" in responses["429"]["headers"]
    assert "Retry-After" in responses["503"]["headers"]


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
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
        schema: dict[str, Any] = document["paths"][path]["post"]["requestBody"]["content"]["multipart/form-data"][
            "schema"
        ]
        return schema

    assert form("/v1/dense-caption")["required"] == ["file"]
    assert form("/v1/ground")["required"] == ["file", "query"]
    assert "null" not in json.dumps([form("/v1/dense-caption"), form("/v1/ground")])  # forms cannot say null
