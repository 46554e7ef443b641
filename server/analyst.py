"""Run one request from file to last update: decode, run the engine in one or several passes, enforce the deadline."""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from model.timeline.interval import Interval
from server.decoding.pool import Decoded, DecodePool
from server.engine.admission import Admission, Ticket
from server.engine.protocol import SAMPLE_RATE, Answered, Encoded, Engine, Found, Request, Samples, Started, Update
from server.errors import DeadlineExceeded, NotReady
from server.inquiry import Analysis, Inquiry
from server.offload import file_work
from server.passes import analyze_passes, cut
from server.settings import Settings
from server.sureness import sure
from server.telemetry import tracing
from server.telemetry.metrics import Metrics

_TENTHS = 10
_SAMPLES_PER_TENTH = SAMPLE_RATE // _TENTHS
_SAMPLE_BYTES = 4


class Analyst:
    """Implements `Service.stream` and `Service.hear`.

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
        self._metrics = metrics

    async def stream(
        self, ticket: Ticket, source: Path, inquiry: Inquiry, *, is_live: bool
    ) -> AsyncGenerator[Analysis | Update, None]:
        """See `Service.stream`. Unless `is_live`, the engine retries a request whose worker is lost."""
        begun = time.monotonic()
        timeout_s = inquiry.timeout_s or self._limits.timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                decoded = await self._decode(source, inquiry)
            passes = cut(max(1, decoded.num_samples // _SAMPLES_PER_TENTH), inquiry.task, self._passes)
            if inquiry.timeout_s is None:
                timeout_s += self._limits.timeout_per_audio_s * decoded.num_samples / SAMPLE_RATE
            deadline = begun + timeout_s
            self._check_time(deadline)
            ticket.add_audio(decoded.num_samples)
            analysis = self._begun(inquiry, decoded.num_samples, decode_s=time.monotonic() - begun)
            yield analysis
            request, least = _request(analysis, inquiry, deadline, is_live=is_live), inquiry.min_confidence
            async with aclosing(self._ask(analysis, self._updates(request, decoded, passes), least)) as updates:
                # The timeout covers each engine step, not the time the caller spends on an update.
                while (update := await _next(updates, deadline)) is not None:
                    if isinstance(update, Started):
                        ticket.starts()
                    yield update
        except TimeoutError:
            raise DeadlineExceeded(
                f"The answer was not ready within {timeout_s:g} s. Send less audio, or allow more in timeout_s "
                f"(at most {self._limits.longest_timeout_s:g}, limit: TIMEAUDIO_LIMITS__TIMEOUT_S)."
            ) from None
        self._admission.measured(model_s=analysis.encode_s + analysis.generate_s, audio_s=analysis.audio_s)
        self._metrics.answered(analysis, inquiry.task, took_s=time.monotonic() - begun)

    async def hear(self, pcm: bytes, inquiry: Inquiry) -> Analysis:
        """See `Service.hear`."""
        begun = time.monotonic()
        analysis = self._begun(inquiry, len(pcm) // _SAMPLE_BYTES, decode_s=0.0)
        request = _request(analysis, inquiry, begun + self._limits.timeout_s, is_live=False)
        request = replace(request, samples=Samples(analysis.num_samples, lambda: pcm))
        async with aclosing(self._ask(analysis, self._engine.analyze(request), inquiry.min_confidence)) as updates:
            async for _ in updates:
                pass
        self._admission.measured(model_s=analysis.encode_s + analysis.generate_s, audio_s=analysis.audio_s)
        self._metrics.answered(analysis, inquiry.task, took_s=time.monotonic() - begun)
        return analysis

    async def _decode(self, source: Path, inquiry: Inquiry) -> Decoded:
        with tracing.step("decode_audio", bytes=source.stat().st_size) as span:
            decoded = await self._decoder.decode(source, start_s=inquiry.start / _TENTHS, end_s=inquiry.end_s)
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

    def _begun(self, inquiry: Inquiry, num_samples: int, *, decode_s: float) -> Analysis:
        model = self._engine.model
        if model is None:
            raise NotReady(f"{self._engine.state} Send the request again later.", retry_after_s=2)
        return Analysis(
            id=f"ta-{uuid.uuid4().hex}",
            model=model.name,
            queries=inquiry.queries,
            start=inquiry.start,
            num_samples=num_samples,
            decode_s=decode_s,
        )

    async def _ask(
        self, analysis: Analysis, asked: AsyncGenerator[Update, None], least: float
    ) -> AsyncGenerator[Update, None]:
        """Yield the engine's updates, without intervals below confidence `least`, and record them in the analysis."""
        began, is_running, has_event = time.monotonic(), False, False
        try:
            async with aclosing(asked) as updates:
                async for whole in updates:
                    if (update := sure(whole, least)) is None:
                        continue
                    match update:
                        case Started():
                            self.num_running += not is_running
                            is_running = True
                            analysis.queue_s = update.queue_s
                        case Encoded():
                            analysis.encode_s = update.encode_s
                            analysis.num_audio_tokens = update.num_audio_tokens
                        case Found() if not has_event:
                            has_event = True
                            self._metrics.first_event_s.observe(time.monotonic() - began + analysis.decode_s)
                        case Answered():
                            analysis.answers.append(update)
                    yield update
        finally:
            self.num_running -= is_running

    def _updates(self, request: Request, decoded: Decoded, passes: list[Interval]) -> AsyncGenerator[Update, None]:
        if len(passes) == 1:
            return self._engine.analyze(replace(request, samples=decoded.samples(0, decoded.num_samples)))

        def samples(span: Interval) -> Samples:
            is_last = span.end == passes[-1].end  # include the last partial tenth
            end = decoded.num_samples if is_last else span.end * _SAMPLES_PER_TENTH
            return decoded.samples(span.start * _SAMPLES_PER_TENTH, end)

        return analyze_passes(self._engine, request, passes, samples)


def _request(analysis: Analysis, inquiry: Inquiry, deadline: float, *, is_live: bool) -> Request:
    """Build the engine request, still without samples."""
    return Request(
        id=analysis.id,
        task=inquiry.task,
        queries=inquiry.queries,
        options=inquiry.options,
        deadline=deadline,
        is_live=is_live,
    )


async def _next(updates: AsyncGenerator[Update, None], deadline: float) -> Update | None:
    """Return the next update, None after the last; raise TimeoutError after `deadline` (`time.monotonic()` clock)."""
    async with asyncio.timeout(deadline - time.monotonic()):
        return await anext(updates, None)
