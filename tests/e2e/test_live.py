"""Live audio over gRPC: it is analysed in windows while it arrives, and the times are exact."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import numpy as np
import pytest

from timeaudio import ApiError, AsyncClient, Client
from timeaudio.v1 import timeaudio_pb2 as pb
from timeaudio.v1.timeaudio_pb2_grpc import TimeAudioServiceStub

TONES = [
    ("A low tone.", 1.2, 3.7),
    ("A high tone.", 5.0, 5.6),
    ("A low tone.", 8.3, 26.9),
    ("A high tone.", 31.4, 33.0),
]
LENGTH_S = 33.05
ENCODINGS = {"s16": pb.ENCODING_S16LE, "f32": pb.ENCODING_F32LE}


@pytest.fixture(scope="module")
def loud() -> Iterator[Any]:
    from tests.e2e.conftest import free_port, running

    with running("--grpc-port", str(free_port()), module="tests.loud_engine") as server:
        yield server


def sound(rate: int, *, channels: int = 1, encoding: str = "s16") -> bytes:
    samples = np.zeros(round(LENGTH_S * rate), np.float32)
    for caption, start, end in TONES:
        at = np.arange(round(start * rate), round(end * rate))
        samples[at] = 0.8 * np.sin(2 * np.pi * (300 if "low" in caption else 2500) * at / rate)
    many = np.repeat(samples[:, None], channels, axis=1)
    return many.astype("<f4").tobytes() if encoding == "f32" else np.round(many * 32767).astype("<i2").tobytes()


def requests(
    data: bytes, live: pb.LiveAudio, size: int = 10_007, task: int = pb.TASK_DENSE_CAPTION, **more: Any
) -> Iterator[pb.AnalyzeRequest]:
    yield pb.AnalyzeRequest(config=pb.AnalyzeConfig(task=task, live=live, **more))
    for start in range(0, len(data), size):
        yield pb.AnalyzeRequest(chunk=data[start : start + size])


def responses(server: Any, request: Iterator[pb.AnalyzeRequest]) -> list[pb.AnalyzeResponse]:
    with grpc.insecure_channel(server.grpc, [("grpc.enable_http_proxy", 0)]) as channel:
        return list(TimeAudioServiceStub(channel).Analyze(request, timeout=60))


def test_channels_that_cancel_are_heard(loud: Any) -> None:
    mono = np.frombuffer(sound(16_000), "<i2")
    live = pb.LiveAudio(encoding=pb.ENCODING_S16LE, sample_rate=16_000, channels=2)
    inverted = np.stack([mono, -mono], axis=1).tobytes()
    for size in (333, 100_000):
        events = responses(loud, requests(inverted, live, size))[-1].dense_caption.events
        assert sorted((e.caption, i.start, i.end) for e in events for i in e.intervals) == sorted(TONES)


def test_intervals_that_span_windows_have_embeddings_if_requested(loud: Any) -> None:
    with Client(f"grpc://{loud.grpc}") as client:
        for embeddings, length in ((True, 1.0), (False, None)):
            stream = client.live_dense_caption([sound(16_000)], window_s=5.0, embeddings=embeddings)
            intervals = [interval for event in stream for interval in event.intervals]
            intervals += [interval for event in stream.answer().events for interval in event.intervals]
            assert len(intervals) == 2 * len(TONES)
            lengths = [None if i.embedding is None else np.linalg.norm(i.embedding) for i in intervals]
            assert lengths == [length if length is None else pytest.approx(length, abs=1e-5)] * 2 * len(TONES)


def test_float_samples_in_the_range_of_int16_are_refused(loud: Any) -> None:
    scaled = np.frombuffer(sound(16_000, encoding="f32"), "<f4") * np.float32(32767)
    live = pb.LiveAudio(encoding=pb.ENCODING_F32LE, sample_rate=16_000)
    with pytest.raises(grpc.RpcError, match=r"far beyond full scale.*divide 16-bit values by 32768"):
        responses(loud, requests(scaled.tobytes(), live))


@pytest.mark.parametrize(
    ("window_s", "rate", "channels", "encoding"),
    [(7.3, 44_100, 2, "s16"), (30.0, 8_000, 1, "f32"), (None, 16_000, 1, "s16")],
)
def test_every_event_is_sent_once_with_exact_times(
    loud: Any, window_s: float | None, rate: int, channels: int, encoding: str
) -> None:
    live = pb.LiveAudio(encoding=ENCODINGS[encoding], sample_rate=rate, channels=channels, window_s=window_s)
    first, *pieces, last = responses(loud, requests(sound(rate, channels=channels, encoding=encoding), live))
    assert first.start.model == "scripted"
    assert not first.start.HasField("audio")
    events = [(p.event.caption, i.start, i.end) for p in pieces for i in p.event.intervals]
    assert sorted(events, key=lambda t: t[1]) == TONES
    whole = last.dense_caption
    assert sorted((e.caption, i.start, i.end) for e in whole.events for i in e.intervals) == sorted(TONES)
    assert len(whole.events) == 2
    assert whole.id == first.start.id
    assert whole.audio.duration == pytest.approx(LENGTH_S, abs=0.06)


def test_grounding_sends_each_interval(loud: Any) -> None:
    live = pb.LiveAudio(encoding=pb.ENCODING_S16LE, sample_rate=16_000, window_s=5)
    request = requests(sound(16_000), live, task=pb.TASK_GROUND, queries=["a high tone", "a voice"])
    _, *pieces, last = responses(loud, request)
    intervals = [(p.result.query, i.start, i.end) for p in pieces for i in p.result.intervals]
    assert intervals == [("a high tone", 5.0, 5.6), ("a high tone", 31.4, 33.0)]
    assert [(r.query, r.present, len(r.intervals)) for r in last.ground.results] == [
        ("a high tone", True, 2),
        ("a voice", False, 0),
    ]


@pytest.mark.parametrize("window_s", [5.0, 10.0])
def test_an_event_is_sent_within_one_window_after_its_end(loud: Any, window_s: float) -> None:
    # The sender pauses one window after the end of each event, until it has received the event.
    rate = 16_000
    data = sound(rate)
    due = [(round((end + window_s) * rate) * 2, end) for _, _, end in TONES if end + window_s < LENGTH_S]
    assert due
    arrived: dict[float, threading.Event] = {end: threading.Event() for _, end in due}
    late: list[float] = []

    def paced() -> Iterator[pb.AnalyzeRequest]:
        live = pb.LiveAudio(encoding=pb.ENCODING_S16LE, sample_rate=rate, window_s=window_s)
        yield pb.AnalyzeRequest(config=pb.AnalyzeConfig(task=pb.TASK_DENSE_CAPTION, live=live))
        at = 0
        for until, end in due:
            yield pb.AnalyzeRequest(chunk=data[at:until])
            at = until
            if not arrived[end].wait(20):
                late.append(end)
        yield pb.AnalyzeRequest(chunk=data[at:])

    with grpc.insecure_channel(loud.grpc, [("grpc.enable_http_proxy", 0)]) as channel:
        for part in TimeAudioServiceStub(channel).Analyze(paced(), timeout=100):
            for interval in part.event.intervals:
                if interval.end in arrived:
                    arrived[interval.end].set()
    assert late == []


def test_both_clients_support_live_audio(loud: Any) -> None:
    data = sound(44_100, channels=2)
    chunks = [data[start : start + 9_999] for start in range(0, len(data), 9_999)]
    like = {"sample_rate": 44_100, "channels": 2, "window_s": 5.0}

    async def awaited() -> list[Any]:
        async def coming() -> AsyncIterator[bytes]:
            for chunk in chunks:
                yield chunk

        async with AsyncClient(f"grpc://{loud.grpc}") as client:
            events = client.live_dense_caption(coming(), **like)
            return [event async for event in events]

    with Client(f"grpc://{loud.grpc}") as client:
        stream = client.live_dense_caption(iter(chunks), **like)
        events = list(stream)
        assert stream.beginning is not None
        assert stream.beginning.audio is None
        assert stream.answer().usage.audio_seconds == pytest.approx(LENGTH_S, abs=0.06)
        results = list(client.live_ground(chunks, "a high tone", **like))
        with pytest.raises(ValueError, match="is not an encoding"):
            list(client.live_dense_caption(chunks, encoding="mp3"))
        with pytest.raises(ApiError, match="window_s"):
            list(client.live_dense_caption(chunks, window_s=99.0))
    found = [(event.caption, interval.start, interval.end) for event in events for interval in event.intervals]
    assert sorted(found, key=lambda event: event[1]) == TONES
    assert asyncio.run(awaited()) == events
    assert [(r.query, i.start, i.end) for r in results for i in r.intervals] == [
        ("a high tone", 5.0, 5.6),
        ("a high tone", 31.4, 33.0),
    ]


def test_live_audio_needs_grpc(loud: Any) -> None:
    with Client(loud.url) as client, pytest.raises(ValueError, match="grpc://"):
        client.live_dense_caption([])


def test_the_server_reads_no_faster_than_the_engine_works() -> None:
    from tests.e2e.conftest import free_port, running

    with running("--grpc-port", str(free_port()), module="tests.loud_engine", SLOW_S="1.0") as server:
        sent = 0

        def endless() -> Iterator[pb.AnalyzeRequest]:
            nonlocal sent
            live = pb.LiveAudio(encoding=pb.ENCODING_F32LE, sample_rate=48_000, channels=2, window_s=5)
            yield pb.AnalyzeRequest(config=pb.AnalyzeConfig(task=pb.TASK_DENSE_CAPTION, live=live))
            while True:
                sent += 1
                yield pb.AnalyzeRequest(chunk=bytes(8 * 4800))  # a tenth of a second

        with grpc.insecure_channel(server.grpc, [("grpc.enable_http_proxy", 0)]) as channel:
            call = TimeAudioServiceStub(channel).Analyze(endless())
            begun = time.monotonic()
            time.sleep(6.0)
            took_s = time.monotonic() - begun
            call.cancel()
        # The engine processes 2.5 s of audio per second, and gRPC reads ahead 1 MiB, which is 2.7 s of this audio.
        assert sent >= 75
        assert sent / 10 <= 2.5 * (took_s + 1) + 5 + 2.5 + 10


WRONG: list[tuple[dict[str, Any], set[str]]] = [
    ({"live": pb.LiveAudio(sample_rate=4000)}, {"live.encoding", "live.sample_rate"}),
    ({"live": pb.LiveAudio(encoding=1, sample_rate=16_000, window_s=2)}, {"live.window_s"}),
    ({"live": pb.LiveAudio(encoding=1, sample_rate=16_000, channels=99)}, {"live.channels"}),
    ({"live": pb.LiveAudio(encoding=1, sample_rate=16_000), "task": pb.TASK_SUMMARIZE}, {"task"}),
    ({"live": pb.LiveAudio(encoding=1, sample_rate=16_000), "options": pb.Options(start=1)}, {"options.start"}),
]
"""A configuration, and the fields that its error names."""


def test_an_invalid_configuration_is_rejected(loud: Any) -> None:
    from tests.e2e.test_grpc import details

    problems = []
    for config, fields in WRONG:
        request = pb.AnalyzeRequest(config=pb.AnalyzeConfig(**{"task": pb.TASK_DENSE_CAPTION} | config))
        with pytest.raises(grpc.RpcError) as caught:
            responses(loud, iter([request]))
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        named = {v.field for v in details(caught.value)["BadRequest"].field_violations}
        if named != fields:
            problems.append((config, named))
    assert problems == []


def test_a_stream_without_sound_is_rejected(loud: Any) -> None:
    from tests.e2e.test_grpc import details

    live = pb.LiveAudio(encoding=pb.ENCODING_S16LE, sample_rate=16_000)
    for data in (b"", b"x", bytes(3199)):
        with pytest.raises(grpc.RpcError) as caught:
            responses(loud, requests(data, live))
        assert details(caught.value)["ErrorInfo"].reason == "EMPTY_AUDIO"


def test_bytes_of_an_incomplete_sample_at_the_end_are_dropped(loud: Any) -> None:
    for channels, encoding, spare in [(1, "s16", 1), (2, "s16", 3), (1, "f32", 3), (2, "f32", 7)]:
        live = pb.LiveAudio(encoding=ENCODINGS[encoding], sample_rate=16_000, channels=channels, window_s=10)
        data = sound(16_000, channels=channels, encoding=encoding)
        for size in (10_007, len(data)):  # alone in the last chunk, and behind the whole samples
            _, *pieces, last = responses(loud, requests(data + bytes(spare), live, size))
            events = [(p.event.caption, i.start, i.end) for p in pieces for i in p.event.intervals]
            assert sorted(events, key=lambda t: t[1]) == TONES
            assert last.dense_caption.audio.duration == pytest.approx(LENGTH_S, abs=0.06)


@pytest.fixture(scope="module")
def brief() -> Iterator[Any]:
    """A server with two places, whose callers may be silent for a second."""
    from tests.e2e.conftest import free_port, running

    limits = {"TIMEAUDIO_LIMITS__QUEUED_REQUESTS": "2", "TIMEAUDIO_LIMITS__LIVE_IDLE_S": "1.0"}
    with running("--grpc-port", str(free_port()), module="tests.loud_engine", **limits) as server:
        yield server


def silent(config: pb.AnalyzeConfig | None, dribble: bytes | None, release: threading.Event) -> Iterator[Any]:
    """Yield a configuration, if any, and then a chunk ten times a second, or nothing, until `release`."""
    if config is not None:
        yield pb.AnalyzeRequest(config=config)
    while not release.wait(0.1):
        if dribble is not None:
            yield pb.AnalyzeRequest(chunk=dribble)


LIVE = pb.AnalyzeConfig(
    task=pb.TASK_DENSE_CAPTION, live=pb.LiveAudio(encoding=pb.ENCODING_S16LE, sample_rate=16_000, window_s=5)
)


@pytest.mark.parametrize(
    ("config", "dribble"), [(LIVE, None), (LIVE, b""), (LIVE, b"x"), (None, None)], ids=["", "empty", "byte", "start"]
)
def test_a_silent_stream_loses_its_place(brief: Any, config: pb.AnalyzeConfig | None, dribble: bytes | None) -> None:
    from tests.e2e.test_grpc import details

    release = threading.Event()
    with grpc.insecure_channel(brief.grpc, [("grpc.enable_http_proxy", 0)]) as channel:
        stub = TimeAudioServiceStub(channel)
        calls = [stub.Analyze(silent(config, dribble, release)) for _ in range(2)]  # both places
        try:
            for call in calls:
                with pytest.raises(grpc.RpcError) as caught:
                    list(call)
                assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
                assert details(caught.value)["ErrorInfo"].reason == "STREAM_IDLE"
                assert "LIVE_IDLE_S" in caught.value.details()
        finally:
            release.set()
    live = pb.LiveAudio(encoding=pb.ENCODING_S16LE, sample_rate=16_000)
    assert responses(brief, requests(sound(16_000), live))[-1].HasField("dense_caption")


def test_a_slow_stream_keeps_its_place(brief: Any) -> None:
    data = bytes(16_000)  # half a second

    def paced() -> Iterator[pb.AnalyzeRequest]:
        yield pb.AnalyzeRequest(config=LIVE)
        for start in range(0, len(data), 4000):
            time.sleep(0.5)  # longer than the limit in all
            yield pb.AnalyzeRequest(chunk=data[start : start + 4000])

    assert responses(brief, paced())[-1].dense_caption.audio.duration == 0.5


def test_a_live_call_counts_as_one_request_and_its_audio_once(loud: Any) -> None:
    names = {"requests": "timeaudio_request_success_total", "audio": "timeaudio_audio_seconds_total"}
    names["observed"] = "timeaudio_real_time_factor_count"
    before = {key: loud.metric(name) for key, name in names.items()}
    live = pb.LiveAudio(encoding=pb.ENCODING_S16LE, sample_rate=16_000, window_s=5)
    assert len(responses(loud, requests(sound(16_000), live))) > 2
    after = {key: loud.metric(name) for key, name in names.items()}
    assert after["requests"] - before["requests"] == 1
    assert after["observed"] - before["observed"] == 1
    assert after["audio"] - before["audio"] == pytest.approx(LENGTH_S, abs=0.01)


def test_live_audio_that_has_yet_to_come_is_not_waiting(loud: Any) -> None:
    release = threading.Event()

    def paced() -> Iterator[pb.AnalyzeRequest]:
        yield from requests(bytes(32_000), LIVE.live)
        release.wait(20)

    with grpc.insecure_channel(loud.grpc, [("grpc.enable_http_proxy", 0)]) as channel:
        call = TimeAudioServiceStub(channel).Analyze(paced())
        try:
            give_up = time.monotonic() + 10
            while not loud.metric("timeaudio_audio_seconds_inside") and time.monotonic() < give_up:
                time.sleep(0.05)
            assert loud.metric("timeaudio_audio_seconds_inside") == 5.0
            assert loud.metric("timeaudio_num_requests_waiting") == 0.0
        finally:
            release.set()
        assert [part.WhichOneof("part") for part in call] == ["start", "dense_caption"]


@pytest.mark.parametrize(("limit", "reason"), [("SECONDS", "AUDIO_TOO_LONG"), ("IDLE_S", "STREAM_IDLE")])
def test_a_limit_ends_a_stream_after_the_events_up_to_there(limit: str, reason: str) -> None:
    from tests.e2e.conftest import free_port, running
    from tests.e2e.test_grpc import details

    seconds = {"SECONDS": 33.05, "IDLE_S": 21.0}[limit]  # the caller sends, before it falls silent
    limits = {f"TIMEAUDIO_LIMITS__LIVE_{limit}": {"SECONDS": "21", "IDLE_S": "1"}[limit]}
    silence = threading.Event()

    def silent_in_the_end() -> Iterator[pb.AnalyzeRequest]:
        live = pb.LiveAudio(encoding=pb.ENCODING_S16LE, sample_rate=16_000, window_s=5)
        yield from requests(sound(16_000)[: round(seconds * 32_000)], live)
        silence.wait(20)

    parts = []
    with (
        running("--grpc-port", str(free_port()), module="tests.loud_engine", **limits) as server,
        grpc.insecure_channel(server.grpc, [("grpc.enable_http_proxy", 0)]) as channel,
    ):
        call = TimeAudioServiceStub(channel).Analyze(silent_in_the_end(), timeout=60)
        with pytest.raises(grpc.RpcError) as caught:
            parts.extend(call)
        silence.set()
    assert details(caught.value)["ErrorInfo"].reason == reason
    assert f"LIVE_{limit}" in caught.value.details()
    events = [(p.event.caption, i.start, i.end) for p in parts for i in p.event.intervals]
    assert events == [*TONES[:2], ("A low tone.", 8.3, 21.0)]
