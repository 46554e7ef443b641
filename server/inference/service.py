"""The API that every transport uses: decode an admitted request's recording, run the engine, enforce the deadline.

To get the whole answer, await `Service.analyze`. To stream it, iterate `Service.stream`, and close it:

    with service.admit() as ticket:
        service.check_task(inference.params.task)
        async with service.workspace() as folder:
            ...  # write the file to folder / "upload"
            async with aclosing(service.stream(ticket, source, inference)) as parts:
                result = await anext(parts)           # an InferenceResult: the file is decoded
                async for update in parts:
                    match update:
                        case Found(index, event): ...  # one event of query number `index`; `event.shift(result.start)`
                                                       # is on the file's clock
                        case Answered(): ...           # the whole answer to one query, also in `result.answers`
                        case Started() | Encoded() | PassesDone(): ...
        # here `result` is complete, for `server.api.responses.PRESENTERS`

The first `anext` raises any error in the file, before the transport has to send a byte of the answer; the iteration
raises later errors. Closing the iterator, or cancelling the task that reads it, drops the work within one model step.
Every event of an answer comes as Found before its Answered; with beam search only just before. Events come in
the answer's order. For a recording of several passes they come once they are final, pass by pass, and
`Answered.answer.events` is in order of time.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from model.engine.updates import Answered, Encoded, Found, Started
from server.api.requests import InferenceRequest, InferenceResult
from server.decoding.pool import Decoded
from server.errors import (
    DeadlineExceeded,
    NotReady,
)
from server.inference.admission import Ticket
from server.inference.confidence_filter import filter_update
from server.inference.lifecycle import Lifecycle
from server.inference.long_audio import analyze_recording, cut
from server.runtime.run_blocking import file_work
from server.settings import Settings
from server.telemetry import tracing
from server.telemetry.metrics import Metrics
from server.workers.protocol import (
    SAMPLE_RATE,
    SAMPLES_PER_TENTH,
    Engine,
    EngineRequest,
    LazySamples,
    Update,
)

_TENTHS = 10
_SAMPLE_BYTES = 4


class Service(Lifecycle):
    """The server without its transports.

    Attributes:
        num_running: number of requests that the model has started.
    """

    def __init__(self, engine: Engine, settings: Settings, metrics: Metrics) -> None:
        super().__init__(engine, settings, metrics)
        self.num_running = 0
        metrics.watch(
            running=lambda: self.num_running,
            waiting=lambda: self._admission.num_waiting,
            audio_inside=lambda: self._admission.audio_s,
            workers=lambda: engine.num_workers,
            slot_usage=lambda: engine.slot_usage,
            ready=lambda: self.ready,
        )

    async def analyze(self, ticket: Ticket, source: Path, inference: InferenceRequest) -> InferenceResult:
        """Decode the file at `source`, run the engine and return everything it found.

        Raises:
            As `stream`.
        """
        async with aclosing(self._stream(ticket, source, inference, is_streamed=False)) as parts:
            result = await anext(parts)
            assert isinstance(result, InferenceResult), "it comes first"
            async for _ in parts:
                pass
        return result

    def stream(
        self, ticket: Ticket, source: Path, inference: InferenceRequest
    ) -> AsyncGenerator[InferenceResult | Update, None]:
        """Stream the same work: first the result, which is filled in as updates arrive, then the engine's updates.

        Raises:
            DeadlineExceeded: the work exceeds, or is bound to exceed, the timeout of the inference or the server.
            Overloaded: the server holds too much audio.
            TimeAudioError: any error from decoding or the model.
        """
        return self._stream(ticket, source, inference, is_streamed=True)

    async def analyze_pcm(self, pcm: bytes, inference: InferenceRequest, *, num_analyzed: int = 0) -> InferenceResult:
        """Run the engine on samples that are already decoded and counted in the caller's ticket.

        The caller counts the request, which may consist of many such calls. `pcm` holds mono float32 little-endian
        samples at 16 kHz. An earlier call of the request has already analyzed the first `num_analyzed` of them.

        Raises:
            As `stream`.
        """
        begun = time.monotonic()
        result = self._new_result(inference, len(pcm) // _SAMPLE_BYTES, decode_s=0.0)
        engine_request = EngineRequest(
            id=result.id,
            params=inference.params,
            samples=LazySamples(result.num_samples, lambda: pcm),
            deadline=begun + self.settings.limits.timeout_s,
            is_streamed=False,
        )
        run = self._run(result, self.engine.analyze(engine_request), inference)
        async with aclosing(run) as updates:
            async for _ in updates:
                pass
        self._admission.measured(model_s=result.encode_s + result.generate_s, audio_s=result.audio_s)
        self.metrics.analyzed(result, audio_s=(result.num_samples - num_analyzed) / SAMPLE_RATE)
        return result

    async def _stream(
        self, ticket: Ticket, source: Path, inference: InferenceRequest, *, is_streamed: bool
    ) -> AsyncGenerator[InferenceResult | Update, None]:
        """See `stream`. Unless `is_streamed`, the engine retries a request whose worker is lost."""
        begun = time.monotonic()
        timeout_s = inference.timeout_s or self.settings.limits.timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                decoded = await self._decode(source, inference)
            passes = cut(max(1, decoded.num_samples // SAMPLES_PER_TENTH), inference.params.task, self.settings.passes)
            if inference.timeout_s is None:
                timeout_s += self.settings.limits.timeout_per_audio_s * decoded.num_samples / SAMPLE_RATE
            deadline = begun + timeout_s
            self._check_time(deadline)
            ticket.add_audio(decoded.num_samples)
            result = self._new_result(inference, decoded.num_samples, decode_s=time.monotonic() - begun)
            result.warnings = decoded.warnings
            yield result
            engine_request = EngineRequest(
                id=result.id, params=inference.params, deadline=deadline, is_streamed=is_streamed
            )
            updates_of_passes = analyze_recording(self.engine, engine_request, decoded, passes)
            shows = None if not is_streamed else Answered if inference.params.task == "ground" else Found
            run = self._run(result, updates_of_passes, inference, shows=shows)
            async with aclosing(run) as updates:
                # The timeout covers each engine step, not the time the caller spends on an update.
                while (update := await _next(updates, deadline)) is not None:
                    if isinstance(update, Started):
                        ticket.starts()
                    yield update
        except TimeoutError:
            raise DeadlineExceeded(
                f"The answer was not ready within {timeout_s:g} s. Send less audio, or raise timeout_s "
                f"(at most {self.settings.limits.longest_timeout_s:g}, limit: TIMEAUDIO_LIMITS__TIMEOUT_S)."
            ) from None
        finally:
            ticket.release_audio()
        self._admission.measured(model_s=result.encode_s + result.generate_s, audio_s=result.audio_s)
        self.metrics.analyzed(result, audio_s=result.audio_s)
        self.metrics.answered(result, inference.params.task, took_s=time.monotonic() - begun)

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
        wait_s = 0.0 if self.engine.num_free else self._admission.turn_s
        if wait_s > deadline - time.monotonic():
            self.metrics.shed.labels("deadline").inc()
            raise DeadlineExceeded(
                f"About {wait_s:.0f} s of work are queued before this request, so it would miss its deadline. "
                "Send it again later, or raise timeout_s."
            )

    def _new_result(self, inference: InferenceRequest, num_samples: int, *, decode_s: float) -> InferenceResult:
        model = self.engine.model
        if model is None:
            raise NotReady(f"{self.engine.state} Send the request again later.", retry_after_s=2)
        return InferenceResult(
            id=f"ta-{uuid.uuid4().hex}",
            model=model.name,
            queries=inference.params.queries,
            start=inference.start,
            num_samples=num_samples,
            decode_s=decode_s,
        )

    async def _run(
        self,
        result: InferenceResult,
        engine_updates: AsyncGenerator[Update, None],
        inference: InferenceRequest,
        *,
        shows: type[Update] | None = None,
    ) -> AsyncGenerator[Update, None]:
        """Yield the engine's updates, without intervals below the minimum confidence, and record them in the result.

        The first update of the type `shows` is the first of the answer that a stream sends.
        """
        began, is_running = time.monotonic(), False
        try:
            async with aclosing(engine_updates) as updates:
                async for whole in updates:
                    if (update := filter_update(whole, inference.min_confidence)) is None:
                        continue
                    if shows is not None and isinstance(update, shows):
                        shows = None
                        self.metrics.first_event_s.observe(time.monotonic() - began + result.decode_s)
                    match update:
                        case Started():
                            self.num_running += not is_running
                            is_running = True
                            result.queue_s = update.queue_s
                        case Encoded():
                            result.encode_s = update.encode_s
                            result.num_audio_tokens = update.num_audio_tokens
                        case Answered():
                            result.answers.append(update.answer)
                    yield update
        finally:
            self.num_running -= is_running


async def _next(updates: AsyncGenerator[Update, None], deadline: float) -> Update | None:
    """Return the next update, None after the last; raise TimeoutError after `deadline` (`time.monotonic()` clock)."""
    async with asyncio.timeout(deadline - time.monotonic()):
        return await anext(updates, None)
