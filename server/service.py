"""What every transport does with a recording: admit it, decode it, ask the engine, keep the deadline.

A transport that answers at once awaits `Service.analyze`. One that streams reads `Service.stream`, always closing it:

    with service.admit() as ticket:
        service.check_task(inquiry.task)
        async with service.workspace() as folder:
            ...  # the file to folder / "upload"
            async with aclosing(service.stream(ticket, source, inquiry)) as parts:
                analysis = await anext(parts)           # an Analysis: the file was decoded, its length is known
                async for update in parts:
                    match update:
                        case Found(index, event): ...   # an event, at once; `event.shift(analysis.start)` is on the
                                                        # file's clock; `index` is the query's
                        case Answered(): ...            # the whole answer to one query; `analysis.answers` has it too
                        case Started() | Encoded(): ...
        # here `analysis` is complete, for `server.present.PRESENTERS`

The first `anext` raises whatever is wrong with the file, before a byte of the answer has to be sent; later errors come
out of the iteration. Closing the iterator, or cancelling the task that reads it, drops the work within one step of the
model. Every event of an answer comes as Found, in its order, before its Answered; with beams only just before.
"""

import asyncio
import shutil
import tempfile
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from pathlib import Path

from model.errors import TaskNotSupported, TimeAudioError
from server.decoding.pool import Decoded, DecodePool
from server.engine.admission import Admission, Ticket
from server.engine.protocol import Answered, Encoded, Engine, Request, Started, Task, Update
from server.errors import PROBLEMS, DeadlineExceeded, InternalError, NotReady, Overloaded, RetryableError, problem_of
from server.inquiry import Analysis, Inquiry
from server.offload import file_work
from server.settings import Settings
from server.telemetry.metrics import Metrics

_TENTHS = 10


class Service:
    """The server without its transports.

    Attributes:
        draining: set when the server is going down: nobody new is let in.
    """

    def __init__(self, engine: Engine, settings: Settings, metrics: Metrics) -> None:
        self.engine = engine
        self.settings = settings
        self.metrics = metrics
        self.draining = False
        self._folder: Path | None = None
        self._decoder = DecodePool(settings)
        self._warming: asyncio.Task[None] | None = None
        self._admission = Admission(settings.limits)
        self._running = 0
        metrics.watch(
            running=lambda: self._running,
            waiting=lambda: self._admission.requests - self._running,
            audio_inside=lambda: self._admission.audio_s,
            workers=lambda: self.engine.num_workers,
            ready=lambda: self.ready,
        )

    @property
    def ready(self) -> bool:
        """Whether a request that comes now would be taken up."""
        return not self.draining and self._decoder_warm and self.engine.model is not None

    @property
    def _decoder_warm(self) -> bool:
        return self._warming is not None and self._warming.done()

    async def start(self) -> None:
        """Begin to load the model and to start the decoders; does not wait for either."""
        self._folder = Path(tempfile.mkdtemp(prefix="timeaudio-uploads-"))
        self._warming = asyncio.create_task(self._decoder.start(), name="decoders")
        await self.engine.start()

    async def close(self) -> None:
        """Stop all processes and leave nothing behind."""
        self.draining = True
        if self._warming is not None:
            self._warming.cancel()
        await asyncio.gather(self.engine.close(), self._decoder.close())
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def check_ready(self) -> None:
        """Raise what a caller should hear who comes now.

        Raises:
            NotReady: the model is loading, was lost, or the server is going down.
        """
        if self.draining:
            raise NotReady("The server is shutting down. Send the request to another one, or later.", retry_after_s=5)
        if self.engine.model is not None and not self._decoder_warm:
            raise NotReady("The audio decoders are starting. Send the request again later.", retry_after_s=1)
        if not self.ready:
            raise NotReady(f"{self.engine.state} Send the request again later.", retry_after_s=2)

    def check_task(self, task: Task) -> None:
        """Raise where the model was not trained for a task. Whoever asks a model for more gets guesses.

        Raises:
            TaskNotSupported: it was not.
        """
        model = self.engine.model
        if model is not None and task not in model.tasks:
            raise TaskNotSupported(
                f"{model.name} was not trained for {task}; it does: {', '.join(model.tasks)}. "
                "GET /v1/models tells what a server can do."
            )

    @contextmanager
    def admit(self) -> Iterator[Ticket]:
        """A place in the queue, taken before the body is read and counted whatever becomes of the request.

        Raises:
            NotReady, Overloaded: turned away unread.
            InternalError: in place of whatever is raised inside that is not ours.
        """
        begun = time.monotonic()
        try:
            self.check_ready()
            with self._admission.enter() as ticket:
                yield ticket
            self.metrics.e2e_s.observe(time.monotonic() - begun)
        except RetryableError as error:
            reason = "queue_full" if isinstance(error, Overloaded) else "not_ready"
            self.metrics.shed.labels(reason).inc()
            raise
        except TimeAudioError as error:
            self.metrics.failure.labels(problem_of(error).slug).inc()
            raise
        except Exception as error:
            self.metrics.failure.labels(PROBLEMS[InternalError].slug).inc()
            raise InternalError(repr(error)) from error

    @asynccontextmanager
    async def workspace(self) -> AsyncIterator[Path]:
        """A private folder for one request's files, gone afterwards with all that is in it."""
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            yield folder
        finally:
            held = sum(path.stat().st_size for path in folder.iterdir())
            await file_work(held, shutil.rmtree, folder, ignore_errors=True)

    async def analyze(self, ticket: Ticket, source: Path, inquiry: Inquiry) -> Analysis:
        """Decode the file at `source` and ask the engine; all that was found.

        Raises:
            As `stream`.
        """
        async with aclosing(self._stream(ticket, source, inquiry, is_live=False)) as parts:
            analysis = await anext(parts)
            assert isinstance(analysis, Analysis), "it comes first"
            async for _ in parts:
                pass
        return analysis

    def stream(self, ticket: Ticket, source: Path, inquiry: Inquiry) -> AsyncGenerator[Analysis | Update, None]:
        """The same as it comes: first the analysis, which is completed meanwhile, then the engine's updates.

        Raises:
            DeadlineExceeded: it took longer than the inquiry's timeout, or the server's.
            TimeAudioError: whatever decoding and the model find.
        """
        return self._stream(ticket, source, inquiry, is_live=True)

    async def _stream(
        self, ticket: Ticket, source: Path, inquiry: Inquiry, *, is_live: bool
    ) -> AsyncGenerator[Analysis | Update, None]:
        begun = time.monotonic()
        limit_s = self.settings.limits.timeout_s
        timeout_s = limit_s if inquiry.timeout_s is None else min(inquiry.timeout_s, limit_s)
        deadline = begun + timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                decoded = await self._decode(ticket, source, inquiry)
            analysis = self._begun(inquiry, decoded, decode_s=time.monotonic() - begun)
            yield analysis
            async with aclosing(self._ask(analysis, decoded, inquiry, deadline, is_live=is_live)) as updates:
                # Around each step alone: what the caller does with an update is no business of this timeout.
                while (update := await _next(updates, deadline)) is not None:
                    yield update
        except TimeoutError:
            raise DeadlineExceeded(
                f"The answer was not ready within {timeout_s:g} s. Send less audio, or allow more in timeout_s "
                f"(at most {limit_s:g}, limit: TIMEAUDIO_LIMITS__TIMEOUT_S)."
            ) from None
        self._count(analysis, inquiry.task)

    async def _decode(self, ticket: Ticket, source: Path, inquiry: Inquiry) -> Decoded:
        decoded = await self._decoder.decode(source, start_s=inquiry.start / _TENTHS, end_s=inquiry.end_s)
        await file_work(source.stat().st_size, source.unlink)
        ticket.add_audio(decoded.num_samples)
        return decoded

    def _begun(self, inquiry: Inquiry, decoded: Decoded, *, decode_s: float) -> Analysis:
        model = self.engine.model
        if model is None:
            self.check_ready()
            raise AssertionError("a ready engine has a model")
        return Analysis(
            id=f"ta-{uuid.uuid4().hex}",
            model=model.name,
            queries=inquiry.queries,
            start=inquiry.start,
            num_samples=decoded.num_samples,
            decode_s=decode_s,
        )

    async def _ask(
        self, analysis: Analysis, decoded: Decoded, inquiry: Inquiry, deadline: float, *, is_live: bool
    ) -> AsyncGenerator[Update, None]:
        request = Request(
            id=analysis.id,
            task=inquiry.task,
            pcm=decoded.pcm,
            queries=inquiry.queries,
            options=inquiry.options,
            deadline=deadline,
            is_live=is_live,
        )
        is_running = False
        try:
            async with aclosing(self.engine.analyze(request)) as updates:
                async for update in updates:
                    match update:
                        case Started():
                            self._running += not is_running
                            is_running = True
                            analysis.queue_s = update.queue_s
                        case Encoded():
                            analysis.encode_s = update.encode_s
                            analysis.num_audio_tokens = update.num_audio_tokens
                        case Answered():
                            analysis.answers.append(update)
                    yield update
        finally:
            self._running -= is_running

    def _count(self, analysis: Analysis, task: Task) -> None:
        metrics = self.metrics
        self._admission.measured(model_s=analysis.encode_s + analysis.generate_s, audio_s=analysis.audio_s)
        metrics.success.labels(task).inc()
        metrics.audio.inc(analysis.audio_s)
        metrics.audio_tokens.inc(analysis.num_audio_tokens)
        metrics.prompt_tokens.inc(sum(answer.num_prompt_tokens for answer in analysis.answers))
        metrics.generation_tokens.inc(sum(answer.num_completion_tokens for answer in analysis.answers))
        metrics.queue_s.observe(analysis.queue_s)
        for stage, seconds in (
            ("decode_audio", analysis.decode_s),
            ("encode", analysis.encode_s),
            ("generate", analysis.generate_s),
        ):
            metrics.stage_s.labels(stage).observe(seconds)


async def _next(updates: AsyncGenerator[Update, None], deadline: float) -> Update | None:
    """The next update, None after the last one; TimeoutError after `deadline` (on `time.monotonic()`'s clock)."""
    async with asyncio.timeout(deadline - time.monotonic()):
        return await anext(updates, None)
