"""A real server with a real model, called with real files over HTTP."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from model.audio.decode import decode_audio
from tests.conftest import SAMPLE_RATE, wav_bytes

KINDS = ("wav", "flac", "ogg", "mp3", "m4a", "webm")
SHORT = {"max_new_tokens": "40"}  # random weights never stop by themselves
RECORDINGS = sorted((Path(__file__).parents[2] / "server" / "recordings").glob("*.flac"))


@pytest.fixture(scope="module")
def server(run_server: Callable[..., Any]) -> Iterator[Any]:
    """A server on the embedded checkpoint."""
    with run_server() as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Any) -> Iterator[httpx.Client]:
    with server.client(timeout=60.0) as client:
        yield client


@pytest.fixture(scope="module")
def sound_of() -> Callable[..., bytes]:
    """`sound_of(40, {"dog": (5.0, 30.0)})`: 40 s of silence with bundled recordings placed in it."""
    sounds = {path.name.split("-")[0]: decode_audio(path.read_bytes(), max_seconds=10.0).samples for path in RECORDINGS}

    def make(seconds: int, placed: dict[str, tuple[float, ...]]) -> bytes:
        samples = np.zeros(seconds * SAMPLE_RATE, np.float32)
        for name, starts in placed.items():
            for start in starts:
                at = round(start * SAMPLE_RATE)
                samples[at : at + len(sounds[name])] += sounds[name]
        return wav_bytes(samples)

    return make


def check_intervals(intervals: list[dict[str, Any]], *, start: float, end: float) -> None:
    for interval in intervals:
        assert interval.keys() == {"start", "end", "confidence"}
        assert 0 < interval["confidence"] < 1
        assert start <= interval["start"] < interval["end"] <= end
        for seconds in (interval["start"], interval["end"]):
            assert isinstance(seconds, float)
            assert round(seconds, 1) == seconds


@pytest.mark.parametrize("kind", KINDS)
def test_dense_caption_reads_every_kind_of_file(client: httpx.Client, encoded: Callable[..., bytes], kind: str) -> None:
    response = client.post("/v1/dense-caption", data=SHORT, files={"file": (f"clip.{kind}", encoded(kind, 4.0))})
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["audio"]["duration"] == pytest.approx(4.0, abs=0.11)  # codecs pad a little
    assert answer["usage"]["audio_seconds"] == answer["audio"]["duration"]
    windows = -(-round(answer["audio"]["duration"] * 16_000) // 5440)
    assert windows <= answer["usage"]["audio_tokens"] <= 2 * windows  # the times among them count too
    assert answer["usage"]["prompt_tokens"] > answer["usage"]["audio_tokens"]
    assert answer["usage"]["completion_tokens"] > 0
    for event in answer["events"]:
        assert event["caption"]
        assert event["intervals"]
        check_intervals(event["intervals"], start=0, end=answer["audio"]["duration"])


def test_ground_answers_every_query(client: httpx.Client, encoded: Callable[..., bytes]) -> None:
    queries = ["a dog barks", "rain", "an aeroplane"]
    files = {"file": ("clip.mp3", encoded("mp3", 3.0))}
    response = client.post("/v1/ground", data={"query": queries, **SHORT}, files=files)
    assert response.status_code == 200, response.text
    results = response.json()["results"]
    assert [result["query"] for result in results] == queries
    for result in results:
        assert result["present"] == bool(result["intervals"])
        check_intervals(result["intervals"], start=0, end=response.json()["audio"]["duration"])


def test_the_name_and_type_of_a_file_do_not_matter(client: httpx.Client, encoded: Callable[..., bytes]) -> None:
    sound = encoded("flac", 2.0)
    answers = [
        client.post("/v1/dense-caption", data=SHORT, files={"file": file}).json()["events"]
        for file in (("a.flac", sound, "audio/flac"), ("../../etc/passwd", sound, "text/plain"))
    ]
    assert answers[0] == answers[1]


def test_several_queries_get_the_same_answers_as_single_ones(
    client: httpx.Client, tone_wav: Callable[..., bytes]
) -> None:
    sound = tone_wav(5.0)

    def ground(*queries: str) -> list[dict[str, Any]]:
        fields = {"query": list(queries), **SHORT}
        response = client.post("/v1/ground", data=fields, files={"file": sound})
        return list(response.json()["results"])

    queries = ("a dog barks", "a rooster", "waves")
    assert ground(*queries) == [result for query in queries for result in ground(query)]


def test_times_of_a_part_count_from_the_start_of_the_file(client: httpx.Client, tone_wav: Callable[..., bytes]) -> None:
    answer = client.post(
        "/v1/dense-caption", data={"start": "3.0", "end": "7.5"}, files={"file": tone_wav(10.0)}
    ).json()
    assert answer["audio"] == {"duration": 4.5, "start": 3.0, "warnings": []}
    for event in answer["events"]:
        check_intervals(event["intervals"], start=3.0, end=7.5)


def test_options_reach_the_model(client: httpx.Client, tone_wav: Callable[..., bytes]) -> None:
    for num_beams in ("1", "3"):
        fields = {"num_beams": num_beams, "max_new_tokens": "12"}
        answer = client.post("/v1/dense-caption", data=fields, files={"file": tone_wav(2.0)}).json()
        # The tokens that close a cut answer are added.
        assert answer["usage"]["completion_tokens"] <= 12 + 8
        for event in answer["events"]:
            check_intervals(event["intervals"], start=0, end=2.0)


def test_a_query_without_words_gets_422(client: httpx.Client, tone_wav: Callable[..., bytes]) -> None:
    response = client.post("/v1/ground", data={"query": " . "}, files={"file": tone_wav(1.0)})
    assert response.status_code == 422
    assert response.json()["type"] == "urn:timeaudio:problem:empty-prompt"


def test_unusual_queries_are_answered(client: httpx.Client, tone_wav: Callable[..., bytes]) -> None:
    for query in ("<a_1><f_2>", "</Speech>", "<s></s>", "\x00", "🐕", "a" * 500, "100 - 200 seconds"):
        fields = {"query": query, **SHORT}
        response = client.post("/v1/ground", data=fields, files={"file": tone_wav(1.0)})
        assert response.status_code == 200, (query, response.text)
        assert response.json()["results"][0]["query"] == query
        check_intervals(response.json()["results"][0]["intervals"], start=0, end=1.0)


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: str(path.name))
def test_bundled_recordings(client: httpx.Client, path: Path) -> None:
    response = client.post("/v1/dense-caption", files={"file": path.read_bytes()})
    assert response.status_code == 200, response.text
    captions = " ".join(event["caption"].lower() for event in response.json()["events"])
    assert path.name.split("-")[0] in captions
    timing = response.json()["timing"]
    # There are no other requests, so the stages must not add up to more than the total. Each value is rounded.
    assert (
        timing["decode_s"] + timing["queue_s"] + timing["encode_s"] + timing["generate_s"] <= timing["total_s"] + 0.005
    )


LONG = {40: {"dog": (5.0, 30.0), "rooster": (18.5,)}, 100: {"dog": (10.0, 60.0), "rooster": (23.5, 73.5)}}
"""Length of a recording -> start times of the bundled recordings in it. Roosters crow where two passes overlap."""
LASTS_S = {"dog": 5.0, "rooster": 2.2}


@pytest.mark.parametrize("seconds", LONG)
def test_events_of_a_long_recording_are_found_once_at_their_times(
    client: httpx.Client, seconds: int, sound_of: Callable[..., bytes]
) -> None:
    sound = sound_of(seconds, LONG[seconds])

    def found(kind: str, start: float, intervals: list[dict[str, Any]]) -> list[dict[str, Any]]:
        # The boundaries of the model move with the rounding of the processor: 28.9 s on one, 29.9 s on another.
        wanted = (pytest.approx(start, abs=1.5), pytest.approx(start + LASTS_S[kind], abs=1.0))
        return [interval for interval in intervals if (interval["start"], interval["end"]) == wanted]

    answer = client.post("/v1/dense-caption", files={"file": sound}).raise_for_status().json()
    intervals = [interval for event in answer["events"] for interval in event["intervals"]]
    assert all(0 < interval["confidence"] < 1 for interval in intervals)
    for kind, starts in LONG[seconds].items():
        for start in starts:  # each of two overlapping passes may call a rooster by another animal's name
            times_found = {len(found(kind, start, event["intervals"])) for event in answer["events"]} - {0}
            assert times_found == {1}, (kind, start)
    dogs = [i for event in answer["events"] if "dog" in event["caption"] for i in event["intervals"]]
    assert all(found("dog", start, dogs) for start in LONG[seconds]["dog"])
    num_passes = {40: 4, 100: 9}[seconds]
    encoded_s = seconds + 4 * (num_passes - 1)
    assert answer["usage"]["audio_seconds"] == seconds
    windows = encoded_s / 0.34  # no tokens are merged; the times among them count too
    assert windows - num_passes <= answer["usage"]["audio_tokens"] <= 2 * windows + num_passes
    answer = client.post("/v1/ground", data={"query": "a dog barks"}, files={"file": sound}).raise_for_status().json()
    [dog] = answer["results"]
    assert any(found("dog", start, dog["intervals"]) for start in LONG[seconds]["dog"]), dog


@pytest.mark.parametrize("path", ["/v1/dense-caption", "/v1/ground"])
def test_min_confidence_drops_intervals_with_lower_confidence(client: httpx.Client, path: str) -> None:
    fields: dict[str, Any] = {"query": ["a dog barks", "a rooster"]} if path == "/v1/ground" else {}
    sound = RECORDINGS[0].read_bytes()

    def confidences(least: str) -> list[float]:
        data = {**fields, "min_confidence": least}
        answer = client.post(path, data=data, files={"file": sound}).raise_for_status().json()
        parts = answer.get("events", answer.get("results"))
        for result in answer.get("results", []):
            assert result["present"] == bool(result["intervals"])
        streamed = client.post(path, data={**data, "stream": "true"}, files={"file": sound}).raise_for_status().text
        messages = [message.splitlines() for message in streamed.strip().split("\n\n")]
        pieces = [
            json.loads(m[1].removeprefix("data: ")) for m in messages if m[0] in ("event: event", "event: result")
        ]
        assert pieces == parts
        return [interval["confidence"] for part in parts for interval in part["intervals"]]

    everything = confidences("0")
    assert everything
    assert confidences("1") == []
    least = sorted(everything)[len(everything) // 2]
    assert confidences(str(least)) == [value for value in everything if value >= least]


def test_memory_stays_bounded(server: Any, client: httpx.Client, tone_wav: Callable[..., bytes]) -> None:
    sound = tone_wav(10.0)
    short = {"max_new_tokens": "8"}

    def memory_after(times: int) -> int:
        for _ in range(times):
            assert client.post("/v1/ground", data={"query": "rain", **short}, files={"file": sound}).is_success
        return sum(server.tree().values())

    memory_after(3)
    before = memory_after(2)
    assert memory_after(10) - before < 40 * 1024 * 1024


def test_pages_for_operators(client: httpx.Client) -> None:
    assert client.get("/livez").json() == {"status": "alive"}
    ready = client.get("/readyz").json()
    assert ready["status"] == "ready"
    assert set(ready["tasks"]) >= {"dense_caption", "ground"}
    assert "swagger" in client.get("/docs").text
    assert client.get("/openapi.json").json()["paths"].keys() >= {"/v1/dense-caption", "/v1/ground", "/readyz"}
    metrics = client.get("/metrics").text
    for name in (
        "num_requests_running", "num_requests_waiting", "kv_cache_usage_perc", "workers", "request_success_total",
        "request_shed_total", "worker_restarts_total", "prompt_tokens_total", "generation_tokens_total",
        "audio_seconds_total", "grammar_interventions_total", "request_queue_time_seconds_bucket",
        "e2e_request_latency_seconds_bucket", "time_to_first_event_seconds_bucket", "real_time_factor_bucket",
        "stage_seconds_bucket",
    ):  # fmt: skip
        assert f"timeaudio_{name}" in metrics
