"""Pre-annotate one task: fetch its recording, have it analysed, and write regions with the project's labels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from pydantic import Field

from timeaudio.address import checked_address, is_loopback
from timeaudio.agent_tools.download import AddressRefused, downloaded
from timeaudio.api_key import authorization
from timeaudio.async_client import AsyncClient
from timeaudio.console import complain
from timeaudio.errors import ApiError
from timeaudio.formats.regions import RegionTags, region
from timeaudio.formats.tracks import end_ms, spans
from timeaudio.label_studio.label_config import LabelConfig, ProjectLabel
from timeaudio.label_studio.labels import LabelMatcher
from timeaudio.label_studio.media import LabelStudioAuth, address_of
from timeaudio.labels import LabelledInterval
from timeaudio.responses import parsed, reached, refusal
from timeaudio.results import DenseCaption, Grounding, Result

MAX_QUERIES: Final = 32  # of a request, by default
_REFUSED_RECORDING: Final = frozenset({400, 413, 415, 422})
_REFUSED_ALWAYS: Final = (":invalid-field", ":prompt-too-long", ":task-not-supported")

Found = tuple[ProjectLabel | None, LabelledInterval]


class _ModelInfo(Result):
    id: str


class _Models(Result):
    data: tuple[_ModelInfo, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class LabelStudio:
    """The Label Studio whose recordings are fetched, and the other addresses that are allowed."""

    url: httpx.URL
    auth: LabelStudioAuth
    prefixes: tuple[httpx.URL, ...] = ()


class Annotator:
    """Pre-annotates tasks with the model of a server."""

    def __init__(self, server: str, label_studio: LabelStudio) -> None:
        """Raises: ValueError, if `server` is not an address of HTTP."""
        address = checked_address(server)
        if address.scheme not in ("http", "https"):
            raise ValueError(f"{server!r} is not an HTTP address. Use http://HOST:PORT.")
        self._server = httpx.URL(server)
        self._client = AsyncClient(server)
        self._label_studio = label_studio

    async def model_version(self) -> str:
        """Return the name of the server's model, within a second or two: Label Studio waits three.

        Raises:
            ClientError: the server cannot be reached, or is not ready.
        """
        trusts_proxies = not is_loopback(self._server.host)
        async with httpx.AsyncClient(
            base_url=self._server, headers=authorization(), timeout=2.0, trust_env=trusts_proxies
        ) as http:
            with reached(self._server):
                response = await http.get("/v1/models")
        if not response.is_success:
            raise refusal(response, self._server)
        return parsed(response, _Models, self._server).data[0].id

    async def annotate(self, task_id: int | str | None, data: dict[str, Any], config: LabelConfig) -> dict[str, Any]:
        """Return the prediction for a task. It is empty if the recording cannot be fetched or read.

        Raises:
            ClientError: the server cannot answer now, or rejects these labels for every recording.
        """
        source = self._label_studio
        try:
            address = address_of(data.get(config.field), task_id, source.url)
            async with downloaded(address, [source.url, *source.prefixes], source.auth) as recording:
                return await self._predict(recording, config)
        except AddressRefused as error:
            complain(f"Task {task_id}: {error}")
        except ApiError as error:
            if error.status not in _REFUSED_RECORDING or error.type.endswith(_REFUSED_ALWAYS):
                raise
            complain(f"Task {task_id}: {error}")
        return {"result": []}

    async def _predict(self, recording: Path, config: LabelConfig) -> dict[str, Any]:
        matcher = LabelMatcher(config.labels)
        captions = await self._client.dense_caption(recording)
        found: list[Found] = [(matcher.fitting(span.label), span) for span in spans(captions)]
        queries = matcher.queries(event.caption for event in captions.events)
        for first in range(0, len(queries), MAX_QUERIES):
            some = queries[first : first + MAX_QUERIES]
            grounding = await self._client.ground(recording, [query for query, _ in some])
            found += _grounded(grounding, [label for _, label in some])
        return prediction(captions, found, config)

    async def aclose(self) -> None:
        """Close the connections to the server."""
        await self._client.aclose()


def _grounded(grounding: Grounding, labels: Sequence[ProjectLabel]) -> Iterator[Found]:
    for label, result in zip(labels, grounding.results, strict=True):
        single = grounding.model_copy(update={"results": (result,)})
        yield from ((label, span) for span in spans(single))


def prediction(captions: DenseCaption, found: Sequence[Found], config: LabelConfig) -> dict[str, Any]:
    """Return a prediction with a region for each interval; its score is the mean of their confidences.

    The text of a region is its caption, or its query. An interval that fits no label becomes a region with only a text,
    or is left out if the project has no text for regions.
    """
    ordered = sorted(found, key=lambda pair: (pair[1].start_ms, pair[1].end_ms))
    kept = [(label, span) for label, span in ordered if label is not None or config.words is not None]
    length_s = max([end_ms(captions), *(span.end_ms for _, span in kept)]) / 1000
    result = []
    for number, (label, span) in enumerate(kept):
        tags = RegionTags(config.audio, label.from_name if label else None, config.words)
        result += region(f"{captions.id}-{number}", label.value if label else "", span, length_s, tags)
    scores = [span.confidence for _, span in kept if span.confidence is not None]
    score = {"score": sum(scores) / len(scores)} if scores else {}
    return {"model_version": captions.model, "result": result, **score}
