"""Live audio: analyzes overlapping windows as the samples arrive, each as its own request to the engine."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from model.errors import AudioTooLong, EmptyAudio
from model.timeline.interval import Interval
from model.timeline.stitch import ALIKE, alike
from server.api.requests import InferenceResult
from server.api.responses import shared, spans_of
from server.errors import InvalidField, InvalidFieldDetail, StreamIdle
from server.grpc_api import decode_request, encode_response
from server.grpc_api.chunks import chunk_of
from server.grpc_api.dialogue import Dialogue
from server.grpc_api.pcm import BLOCK, PcmReader
from server.grpc_api.windows import WindowInterval, WindowMerger
from server.inference.admission import Ticket
from server.inference.confidence_filter import is_confident
from server.inference.service import Service
from timeaudio import results
from timeaudio.v1 import timeaudio_pb2 as pb

_TENTHS: Final = 10
_DEFAULT_S, _SHORTEST_S, _LONGEST_S = 10.0, 5.0, 30.0
_TASKS: Final = ("dense_caption", "ground")
_BYTES: Final = 4


class LiveStream:
    """One live stream.

    Args:
        service: sends requests to the engine.
        config: the first message of the stream.
        ticket: the stream's admission. It reserves one window of audio, which never counts as waiting, because it
            has not arrived yet.
        dialogue: the rest of the requests, and the responses.

    Raises:
        InvalidField: the configuration cannot be used.
        Overloaded: the server has no capacity for one window of audio.
    """

    def __init__(
        self,
        service: Service,
        config: pb.AnalyzeConfig,
        ticket: Ticket,
        dialogue: Dialogue,
    ) -> None:
        self._service = service
        self._dialogue = dialogue
        self._task = decode_request.task_of(config)
        inference = decode_request.inference(self._task, config, service.settings.limits)
        service.check_confidence(inference, field=decode_request.LEAST)
        # Filter by confidence only after merging: a low-confidence interval of one window may continue a confident one.
        self._inference, self._least = replace(inference, min_confidence=0.0), inference.min_confidence
        _check(config, self._task)
        self._samples = PcmReader(config.live)
        window_s = config.live.window_s if config.live.HasField("window_s") else _DEFAULT_S
        self._width = round(window_s * _TENTHS)
        self._hop = self._width // 2
        ticket.add_audio(self._width * BLOCK)
        ticket.starts()
        self._windows = WindowMerger(_is_same_query if self._task == "ground" else _is_same_caption)
        self._found: list[WindowInterval] = []
        self._whole: InferenceResult | None = None
        self._num_samples = 0
        self._analyze_s = 0.0
        self._cut_short: AudioTooLong | StreamIdle | None = None

    async def run(self) -> None:
        """Analyze the whole stream and write its responses.

        If a limit cuts the stream short, the events up to there are written before the error is raised.

        Raises:
            AudioTooLong: the stream exceeds the limit for live audio.
            EmptyAudio: the stream ends before 0.1 s of audio.
            StreamIdle: the caller sends or reads nothing for too long.
            TimeAudioError: the model fails on a window.
        """
        begun = time.monotonic()
        held: deque[bytes] = deque()
        begin = num_new = 0
        async with aclosing(_ahead(self._blocks(), self._hop)) as blocks:
            async for block in blocks:
                held.append(block)
                num_new += 1
                if len(held) == self._width:
                    await self._window(begin, held, is_last=False)
                    for _ in range(self._hop):
                        held.popleft()
                    begin, num_new = begin + self._hop, 0
        if not begin and sum(map(len, held)) < BLOCK * _BYTES:
            raise self._cut_short or EmptyAudio("The stream has less than 0.1 s of audio. Send more before ending it.")
        if num_new:
            await self._window(begin, held, is_last=True)
        else:
            await self._write_final(self._windows.add(begin, None, []))
        if self._cut_short is not None:
            raise self._cut_short
        await self._end(begun)

    async def _blocks(self) -> AsyncIterator[bytes]:
        limit_s = self._service.settings.limits.live_seconds
        try:
            while (request := await self._dialogue.next()) is not None:
                for block in self._samples.add(chunk_of(request)):
                    self._dialogue.progressed()
                    if self._num_samples + BLOCK > limit_s * _TENTHS * BLOCK:
                        raise AudioTooLong(limit_s=limit_s, setting="TIMEAUDIO_LIMITS__LIVE_SECONDS")
                    self._num_samples += BLOCK
                    yield block
        except (AudioTooLong, StreamIdle) as error:
            self._cut_short = error
            return
        for block in self._samples.end():
            self._num_samples += len(block) // _BYTES
            yield block

    async def _window(self, begin: int, held: deque[bytes], *, is_last: bool) -> None:
        pcm, begun = b"".join(held), time.monotonic()
        num_analyzed = (self._width - self._hop) * BLOCK if begin else 0  # in the previous window
        result = await self._service.analyze_pcm(pcm, self._inference, num_analyzed=num_analyzed)
        self._analyze_s += time.monotonic() - begun
        await self._add_up(result)
        final_end = None if is_last else begin + self._width - (self._width - self._hop) // 2
        await self._write_final(self._windows.add(begin, final_end, self._intervals(result, begin)))

    def _intervals(self, result: InferenceResult, begin: int) -> list[WindowInterval]:
        """Return the intervals found in a window, on the stream's clock, keyed by caption or query number."""
        found = []
        for index, answer in enumerate(result.answers):
            for event in answer.events:
                key = str(index) if self._task == "ground" else event.caption
                found += [WindowInterval(key, interval.shift(begin)) for interval in event.intervals]
        return found

    async def _add_up(self, result: InferenceResult) -> None:
        """Accumulate the costs and answers of all windows; write the start message at the first."""
        if self._whole is None:
            self._whole = result
            await self._dialogue.write(pb.AnalyzeResponse(start=pb.Start(id=result.id, model=result.model)))
            return
        whole = self._whole
        whole.queue_s += result.queue_s
        whole.encode_s += result.encode_s
        whole.num_audio_tokens += result.num_audio_tokens
        whole.answers += result.answers

    async def _write_final(self, final: list[WindowInterval]) -> None:
        final = [found for found in final if is_confident(found.interval, self._least)]
        self._found += final
        for found in final:
            await self._dialogue.write(encode_response.piece(self._piece(found.key, [found.interval])))

    def _piece(self, key: str, intervals: list[Interval]) -> results.CaptionedEvent | results.GroundingResult:
        spans = spans_of(intervals)
        if self._task == "ground":
            return results.GroundingResult(
                query=self._inference.params.queries[int(key)], present=bool(spans), intervals=spans
            )
        return results.CaptionedEvent(intervals=spans, caption=key)

    async def _end(self, begun: float) -> None:
        whole = self._whole
        assert whole is not None, "there was at least one window"
        whole.num_samples, whole.total_s = self._num_samples, time.monotonic() - begun
        by_key: dict[str, list[Interval]] = {}
        if self._task == "ground":
            by_key = {str(index): [] for index in range(len(self._inference.params.queries))}
        for found in self._found:
            by_key.setdefault(found.key, []).append(found.interval)
        pieces = tuple(self._piece(key, intervals) for key, intervals in by_key.items())
        field = "results" if self._task == "ground" else "events"
        kind = results.Grounding if self._task == "ground" else results.DenseCaption
        await self._dialogue.write(encode_response.end(self._task, kind(**shared(whole), **{field: pieces})))
        self._service.metrics.answered(whole, self._task, took_s=self._analyze_s)


def _is_same_query(one: str, other: str) -> bool:
    return one == other


def _is_same_caption(one: str, other: str) -> bool:
    return alike(one, other) >= ALIKE


def _check(config: pb.AnalyzeConfig, task: str) -> None:
    errors = []
    if task not in _TASKS:
        errors.append(InvalidFieldDetail("task", f"live audio supports {' and '.join(_TASKS)}; send a file for {task}"))
    window_s = config.live.window_s
    if config.live.HasField("window_s") and not _SHORTEST_S <= window_s <= _LONGEST_S:
        errors.append(
            InvalidFieldDetail("live.window_s", f"must be {_SHORTEST_S:g} to {_LONGEST_S:g}, not {window_s:g}")
        )
    for name in ("start", "end", "track", "timeout_s"):
        if config.options.HasField(name):
            errors.append(InvalidFieldDetail(f"options.{name}", "applies to files only; leave it out for live audio"))
    if errors:
        raise InvalidField(errors)


async def _ahead(blocks: AsyncIterator[bytes], most: int) -> AsyncGenerator[bytes, None]:
    """Yield the blocks, reading up to `most` ahead while the engine works; beyond that the sender is blocked."""
    waiting: asyncio.Queue[bytes | Exception | None] = asyncio.Queue(maxsize=most)

    async def read() -> None:
        try:
            async for block in blocks:
                await waiting.put(block)
            await waiting.put(None)
        except Exception as error:
            await waiting.put(error)

    reading = asyncio.create_task(read())
    try:
        while (block := await waiting.get()) is not None:
            if isinstance(block, Exception):
                raise block
            yield block
    finally:
        reading.cancel()
