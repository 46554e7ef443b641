"""Embeddings of a real server with the embedded checkpoint: equal for equal sounds, near for sounds of one kind."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.e2e.conftest import free_port
from timeaudio import Client
from timeaudio.results import DenseCaption, Grounding, Interval

RECORDINGS = Path(__file__).parents[2] / "server" / "recordings"
DOG, ROOSTER = RECORDINGS / "dog-barking.flac", RECORDINGS / "rooster-crowing.flac"
DIM = 576  # numbers in the word embeddings of timeaudio-small


@pytest.fixture(scope="module")
def server(run_server: Callable[..., Any]) -> Iterator[Any]:
    with run_server("--grpc-port", str(free_port())) as server:
        yield server


@pytest.fixture(scope="module", params=["http", "grpc"])
def client(server: Any, request: pytest.FixtureRequest) -> Iterator[Client]:
    with Client(server.url if request.param == "http" else f"grpc://{server.grpc}") as client:
        yield client


def vectors(answer: DenseCaption | Grounding) -> npt.NDArray[np.float64]:
    """Return the embeddings of all intervals, [intervals, DIM]."""
    found: list[Interval] = []
    for item in answer.events if isinstance(answer, DenseCaption) else answer.results:
        found += item.intervals
    return np.array([interval.embedding for interval in found])


def test_equal_requests_get_equal_embeddings(client: Client) -> None:
    first, again = (vectors(client.dense_caption(DOG, embeddings=True)) for _ in range(2))
    assert len(first) > 0
    assert first.shape[1] == DIM
    assert np.array_equal(first, again)
    assert np.linalg.norm(first, axis=1) == pytest.approx(1.0, abs=1e-4)


def test_a_bark_is_nearer_to_another_bark_than_to_a_rooster(client: Client) -> None:
    query = "a dog barking"
    early = vectors(client.ground(DOG, query, end=2.5, embeddings=True))
    late = vectors(client.ground(DOG, query, start=2.5, embeddings=True))
    rooster = vectors(client.dense_caption(ROOSTER, embeddings=True))
    assert len(early) > 0
    assert len(late) > 0
    assert len(rooster) > 0
    assert (early @ late.T).min() > (early @ rooster.T).max()


def test_embeddings_are_absent_without_a_request(server: Any) -> None:
    with server.client() as http:
        response = http.post("/v1/dense-caption", files={"file": DOG.read_bytes()})
    assert response.json()["events"]
    assert "embedding" not in response.text


def test_a_stream_has_them_too(client: Client) -> None:
    with client.stream_dense_caption(DOG, embeddings=True) as stream:
        pieces = [interval.embedding for event in stream for interval in event.intervals]
    assert pieces
    assert all(embedding is not None and len(embedding) == DIM for embedding in pieces)
