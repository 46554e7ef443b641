"""The OpenAPI description of a task route: three kinds of body, ten response formats, with examples."""

import json
from typing import Any

from pydantic import BaseModel

from server.api.form import Form
from server.api.validation import FILE
from server.rest.examples import ANSWERS, BESIDE, RECORDING
from server.rest.sse import message, named_pieces
from server.rest.streaming_response import ITEM
from server.settings import Limits
from timeaudio.formats import FORMATS, write
from timeaudio.results import AnyAnswer, Beginning

_KINDS = "wav, flac, ogg, opus, mp3, m4a, mp4, webm, mkv, aac, aiff or caf"
_SHOWN_AS = "street.flac"
_JSON = "application/json"


def operation(form: type[Form], limits: Limits) -> dict[str, Any]:
    """Return the `openapi_extra` of a route that reads this form within these limits."""
    schema = form.model_json_schema()
    properties = {name: _bounded(field, _bounds(limits).get(name, {})) for name, field in schema["properties"].items()}
    required = schema.get("required", [])
    return {"requestBody": _request_body(form, properties, required), "parameters": _parameters(properties)}


def written_answer(form: type[Form]) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` entry for success on a route with this form, with an example of every format."""
    answer = ANSWERS[form.task]
    content: dict[str, Any] = {}
    for name, row in FORMATS.items():
        if row.media_type == _JSON:
            continue
        described = content.setdefault(row.media_type, {"schema": {"type": "string"}, "examples": {}})
        if row.media_type.endswith("json"):
            described["schema"] = {}
        described["examples"][name] = _example(answer, name)
    content["text/event-stream"] = {"itemSchema": ITEM, "examples": {"stream": {"value": _streamed(answer)}}}
    # FastAPI adds the answer's schema to this entry.
    content[_JSON] = {"examples": {name: _example(answer, name) for name in ("json", "verbose_json")}}
    return {200: {"description": "The answer in the requested format.", "content": content}}


def _streamed(answer: AnyAnswer) -> str:
    """Return the same answer as a stream."""
    first = Beginning(id=answer.id, model=answer.model, audio=answer.audio)
    messages: list[tuple[str, BaseModel]] = [("start", first), *named_pieces(answer), ("done", answer)]
    return "".join(message(name, value, number).decode() for number, (name, value) in enumerate(messages))


def _example(answer: AnyAnswer, name: Any) -> dict[str, Any]:
    text = write(answer, name, name=_SHOWN_AS)
    if FORMATS[name].media_type.endswith("json"):
        return {"value": json.loads(text)}
    return {"value": text}


def _bounds(limits: Limits) -> dict[str, dict[str, Any]]:
    """Return the bounds that the operator's settings add to the fields' schemas."""
    words = {"minLength": 1, "maxLength": limits.query_chars}
    return {
        "num_beams": {"maximum": limits.num_beams},
        "max_new_tokens": {"maximum": limits.max_new_tokens},
        "timeout_s": {"maximum": limits.longest_timeout_s},
        "query": {"maxItems": limits.queries, "items": {"type": "string"} | words},
        "question": words,
    }


def _bounded(field: dict[str, Any], bounds: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a field with bounds added; for a nullable field they apply to its non-null value."""
    if "anyOf" not in field:
        return field | bounds
    kinds = [kind if kind.get("type") == "null" else kind | bounds for kind in field["anyOf"]]
    return field | {"anyOf": kinds}


def _request_body(form: type[Form], properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    required = [FILE, *required]
    binary = {"type": "string", "format": "binary"}
    encoded = {
        "type": "string",
        "format": "byte",
        "description": f"An audio file in base64, or in a `data:` URL: {_KINDS}.",
    }
    whole = {"schema": binary | {"description": f"An audio file: {_KINDS}."}}
    return {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": _object(
                    required,
                    {
                        FILE: binary | {"description": f"An audio file: {_KINDS}."},
                        **{name: without_null(field) for name, field in properties.items()},
                    },
                )
            },
            _JSON: {
                "schema": _object(required, {FILE: encoded, **properties}),
                "example": {FILE: RECORDING, **BESIDE[form.task]},
            },
            "audio/*": whole,
            "application/octet-stream": whole,
        },
    }


def _parameters(properties: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the fields as query parameters, for bodies that hold only the recording."""
    parameters = []
    for name, field in properties.items():
        schema = without_null(field)
        text = schema.pop("description")
        parameters.append(
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": f"Same as the body field of this name; send it in one place. {text}",
                "schema": schema,
            }
        )
    return parameters


def _object(required: list[str], properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def without_null(field: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a field in a form or a query string."""
    # Forms and query strings have no null: an optional field is omitted.
    kinds = [kind for kind in field.get("anyOf", []) if kind.get("type") != "null"]
    kept = {key: value for key, value in field.items() if key != "anyOf" and not (key == "default" and value is None)}
    return kept | (kinds[0] if len(kinds) == 1 else {})
