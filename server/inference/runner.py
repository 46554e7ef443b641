"""Run one request from file to last update: decode, run the engine in one or several passes, enforce the deadline."""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from model.timeline.interval import Interval
from server.api.requests import InferenceRequest, InferenceResult
from server.decoding.pool import Decoded, DecodePool
from server.errors import DeadlineExceeded, NotReady
from server.inference.admission import Admission, Ticket
from server.inference.answer_limit import analyze_pass
from server.inference.confidence_filter import filter_update
from server.inference.long_audio import analyze_passes, cut
from server.runtime.run_blocking import file_work
from server.settings import Settings
from server.telemetry import tracing
from server.telemetry.metrics import Metrics
from server.workers.protocol import (
    SAMPLE_RATE,
    AudioEncoded,
    Engine,
    EngineRequest,
    EventFound,
    LazySamples,
    QueryAnswered,
    RequestStarted,
    Update,
)

_TENTHS = 10
_SAMPLES_PER_TENTH = SAMPLE_RATE // _TENTHS
_SAMPLE_BYTES = 4


class InferenceRunner:
    """Implements `Service.stream` and `Service.analyze_pcm`.

    Attributes:
        num_running: number of requests that the model has started.
    """

    def __init__(
        self, engine: Engine, decoder: DecodePool, admission: Admission, settings: Settings, metrics: Metrics
    ) -> None:
        self.num_running = 0
        self._engine = engine
        self._decoder = decoder
        self._admission = admission
        self._limits = settings.limits
        self._passes = settings.passes
        self._slot_tokens = settings.worker.slot_tokens
        self._metrics = metrics

    async def stream(
        self, ticket: Ticket, source: Path, inference: InferenceRequest, *, is_live: bool
    ) -> AsyncGenerator[InferenceResult | Update, None]:
        """See `Service.stream`. Unless `is_live`, the engine retries a request whose worker is lost."""
        begun = time.monotonic()
        timeout_s = inference.timeout_s or self._limits.timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                decoded = await self._decode(source, inference)
            passes = cut(max(1, decoded.num_samples // _SAMPLES_PER_TENTH), inference.task, self._passes)
            if inference.timeout_s is None:
                timeout_s += self._limits.timeout_per_audio_s * decoded.num_samples / SAMPLE_RATE
            deadline = begun + timeout_s
            self._check_time(deadline)
            ticket.add_audio(decoded.num_samples)
            result = self._new_result(inference, decoded.num_samples, decode_s=time.monotonic() - begun)
            result.warnings = decoded.warnings
            yield result
            engine_request = _engine_request(result, inference, deadline, is_live=is_live)
            run = self._run(result, self._updates(engine_request, decoded, passes), inference.min_confidence)
            async with aclosing(run) as updates:
                # The timeout covers each engine step, not the time the caller spends on an update.
                while (update := await _next(updates, deadline)) is not None:
                    if isinstance(update, RequestStarted):
                        ticket.starts()
                    yield update
        except TimeoutError:
            raise DeadlineExceeded(
                f"The answer was not ready within {timeout_s:g} s. Send less audio, or allow more in timeout_s "
                f"(at most {self._limits.longest_timeout_s:g}, limit: TIMEAUDIO_LIMITS__TIMEOUT_S)."
            ) from None
        self._admission.measured(model_s=result.encode_s + result.generate_s, audio_s=result.audio_s)
        self._metrics.analyzed(result, audio_s=result.audio_s)
        self._metrics.answered(result, inference.task, took_s=time.monotonic() - begun)

    async def analyze_pcm(self, pcm: bytes, inference: InferenceRequest, *, num_heard: int) -> InferenceResult:
        """See `Service.analyze_pcm`."""
        begun = time.monotonic()
        result = self._new_result(inference, len(pcm) // _SAMPLE_BYTES, decode_s=0.0)
        engine_request = _engine_request(result, inference, begun + self._limits.timeout_s, is_live=False)
        engine_request = replace(engine_request, samples=LazySamples(result.num_samples, lambda: pcm))
        run = self._run(result, self._engine.analyze(engine_request), inference.min_confidence)
        async with aclosing(run) as updates:
            async for _ in updates:
                pass
        self._admission.measured(model_s=result.encode_s + result.generate_s, audio_s=result.audio_s)
        self._metrics.analyzed(result, audio_s=(result.num_samples - num_heard) / SAMPLE_RATE)
        return result

    async def _decode(self, source: Path, inference: InferenceRequest) -> Decoded:
        with tracing.step("decode_audio", bytes=source.stat().st_size) as span:
            decoded = await self._decoder.decode(
                source, start_s=inference.start / _TENTHS, end_s=inference.end_s, track=inference.track
            )
            span.set_attribute("timeaudio.audio_s", decoded.num_samples / SAMPLE_RATE)
        await file_work(source.stat().st_size, source.unlink)
        return decoded

    def _check_time(self, deadline: float) -> None:
        """Reject a request whose deadline will pass before its turn comes.

        Raises:
            DeadlineExceeded: the queued work takes longer than the request allows.
        """
        wait_s = 0.0 if self._engine.num_free else self._admission.turn_s
        if wait_s > deadline - time.monotonic():
            self._metrics.shed.labels("deadline").inc()
            raise DeadlineExceeded(
                f"About {wait_s:.0f} s of work are queued before this request, which is longer than it allows. "
                "Send it again later, or allow more in timeout_s."
            )

    def _new_result(self, inference: InferenceRequest, num_samples: int, *, decode_s: float) -> InferenceResult:
        model = self._engine.model
        if model is None:
            raise NotReady(f"{self._engine.state} Send the request again later.", retry_after_s=2)
        return InferenceResult(
            id=f"ta-{uuid.uuid4().hex}",
            model=model.name,
            queries=inference.queries,
            start=inference.start,
            num_samples=num_samples,
            decode_s=decode_s,
        )

    async def _run(
        self, result: InferenceResult, engine_updates: AsyncGenerator[Update, None], least: float
    ) -> AsyncGenerator[Update, None]:
        """Yield the engine's updates, without intervals below confidence `least`, and record them in the result."""
        began, is_running, has_event = time.monotonic(), False, False
        try:
            async with aclosing(engine_updates) as updates:
                async for whole in updates:
                    if (update := filter_update(whole, least)) is None:
                        continue
                    match update:
                        case RequestStarted():
                            self.num_running += not is_running
                            is_running = True
                            result.queue_s = update.queue_s
                        case AudioEncoded():
                            result.encode_s = update.encode_s
                            result.num_audio_tokens = update.num_audio_tokens
                        case EventFound() if not has_event:
                            has_event = True
                            self._metrics.first_event_s.observe(time.monotonic() - began + result.decode_s)
                        case QueryAnswered():
                            result.answers.append(update)
                    yield update
        finally:
            self.num_running -= is_running

    def _updates(
        self, request: EngineRequest, decoded: Decoded, passes: list[Interval]
    ) -> AsyncGenerator[Update, None]:
        if len(passes) == 1:
            whole = replace(request, samples=decoded.samples(0, decoded.num_samples))
            return analyze_pass(self._engine, whole, self._slot_tokens)

        def samples(span: Interval) -> LazySamples:
            is_last = span.end == passes[-1].end  # include the last partial tenth
            end = decoded.num_samples if is_last else span.end * _SAMPLES_PER_TENTH
            return decoded.samples(span.start * _SAMPLES_PER_TENTH, end)

        return analyze_passes(self._engine, request, passes, samples, self._slot_tokens)


def _engine_request(
    result: InferenceResult, inference: InferenceRequest, deadline: float, *, is_live: bool
) -> EngineRequest:
    """Build the engine request, still without samples."""
    return EngineRequest(
        id=result.id,
        task=inference.task,
        queries=inference.queries,
        options=inference.options,
        deadline=deadline,
        is_live=is_live,
    )


async def _next(updates: AsyncGenerator[Update, None], deadline: float) -> Update | None:
    """Return the next update, None after the last; raise TimeoutError after `deadline` (`time.monotonic()` clock)."""
    async with asyncio.timeout(deadline - time.monotonic()):
        return await anext(updates, None)
