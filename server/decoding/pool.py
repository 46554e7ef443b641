"""Decode audio files in processes that can be killed, so that a hang, leak or crash in native code stays isolated."""

import asyncio
import multiprocessing
import os
import shutil
import time
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import pebble

from model.errors import AudioTooLong
from server.decoding import child
from server.errors import DecodeTooCostly, NotReady, revive
from server.settings import Settings
from server.workers.protocol import LazySamples

_GRACE_S = 1.0
_SAMPLE_BYTES = 4
_AUDIO_LIMIT = "TIMEAUDIO_LIMITS__AUDIO_SECONDS"


@dataclass(frozen=True, slots=True)
class Decoded:
    """Mono float32 little-endian samples at 16 kHz, in a file: the front end never computes with them.

    `warnings` say what was left out or filled in while decoding.
    """

    path: Path
    num_samples: int
    warnings: tuple[str, ...] = ()

    def samples(self, start: int, end: int) -> LazySamples:
        """Return the samples `[start, end)`."""

        def read() -> bytes:
            with self.path.open("rb") as file:
                file.seek(start * _SAMPLE_BYTES)
                return file.read((end - start) * _SAMPLE_BYTES)

        return LazySamples(end - start, read)


class DecodePool:
    """A few spawned processes, each replaced when it dies, times out or has done `max_tasks` files."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.decode
        self._max_seconds = settings.limits.audio_seconds
        self._pool: pebble.ProcessPool | None = None

    async def start(self) -> None:
        """Start the processes and wait until each is ready, so that the first caller does not wait for imports."""
        pool = self._running()
        warmed = [asyncio.wrap_future(pool.schedule(child.warm)) for _ in range(self._settings.workers)]
        await asyncio.gather(*warmed)

    async def close(self) -> None:
        """Stop the processes, even if they are busy."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()  # type: ignore[no-untyped-call]
            await asyncio.to_thread(pool.join)

    async def decode(
        self, source: Path, *, start_s: float = 0.0, end_s: float | None = None, track: int | None = None
    ) -> Decoded:
        """Decode `track` of the file at `source` from `start_s` to `end_s` (seconds) into a file next to it.

        A pipe would copy the samples in small pieces, block the pool's locks, and hold an hour of samples (230 MB) in
        memory. Cancellation stops the work: at once if it is still queued, otherwise by killing the process if it is
        still decoding one second later. Most files are done by then, and a new process costs more than decoding them.

        Raises:
            UnsupportedAudio, NoSuchTrack, CorruptAudio, EmptyAudio, AudioTooLong: as `decode_audio` raises them.
            NotReady: the decoding processes were lost.
            DecodeTooCostly: the process took too long, used too much memory, or crashed.
        """
        target = source.with_suffix(".pcm")
        span = child.DecodeRange(start_s=start_s, end_s=end_s, max_seconds=self._max_seconds, track=track)
        outcome = await self._run(source, target, span)
        if isinstance(outcome, child.RemoteError):
            raise _error_of(outcome)
        return Decoded(target, outcome.num_samples, outcome.warnings)

    async def _run(self, source: Path, target: Path, span: child.DecodeRange) -> child.DecodedFile | child.RemoteError:
        while True:
            began = time.monotonic()
            try:
                return await self._run_once(source, target, span)
            except TimeoutError:
                # pebble measures the limit by the wall clock, which may have jumped ahead: check the monotonic clock.
                if time.monotonic() - began >= self._settings.timeout_s:
                    raise DecodeTooCostly(
                        f"Decoding this file took longer than {self._settings.timeout_s:g} s and was stopped "
                        "(limit: TIMEAUDIO_DECODE__TIMEOUT_S). Send a shorter or simpler file, for example mono FLAC."
                    ) from None

    async def _run_once(
        self, source: Path, target: Path, span: child.DecodeRange
    ) -> child.DecodedFile | child.RemoteError:
        future = self._running().schedule(
            child.decode_file, args=(source, target, span), timeout=self._settings.timeout_s
        )
        waiting = asyncio.wrap_future(future)
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            _abandon(future, waiting, target.parent)
            raise
        except MemoryError:
            raise DecodeTooCostly(
                f"Decoding this file took more than {self._settings.memory_bytes} bytes of memory "
                "(limit: TIMEAUDIO_DECODE__MEMORY_BYTES). Send a shorter or simpler file, for example mono FLAC."
            ) from None
        except pebble.ProcessExpired:
            raise DecodeTooCostly(
                "This file crashed the audio decoder. It is probably damaged: convert it again, "
                "for example to FLAC, and send that."
            ) from None
        except BrokenProcessPool:
            # Something outside killed an idle process, which breaks the whole pool. The next caller gets a new pool.
            raise NotReady("The audio decoder is restarting. Send the request again.", retry_after_s=1) from None

    def _running(self) -> pebble.ProcessPool:
        if self._pool is None or not self._pool.active:
            # One thread per process: NumPy's BLAS would otherwise reserve address space for every core.
            os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
            self._pool = pebble.ProcessPool(
                max_workers=self._settings.workers,
                max_tasks=self._settings.max_tasks,
                initializer=child.initialize,
                initargs=(os.getpid(), self._settings.memory_bytes),
                context=multiprocessing.get_context("spawn"),
            )
        return self._pool


def _abandon(
    future: "pebble.ProcessFuture[child.DecodedFile | child.RemoteError]",
    waiting: asyncio.Future[child.DecodedFile | child.RemoteError],
    folder: Path,
) -> None:
    """Stop waiting for the work, cancel it after the grace period, and delete its files when it ends."""

    def ended(waiting: asyncio.Future[child.DecodedFile | child.RemoteError]) -> None:
        if not waiting.cancelled():
            waiting.exception()  # mark the exception as retrieved
        shutil.rmtree(folder, ignore_errors=True)

    waiting.add_done_callback(ended)
    asyncio.get_running_loop().call_later(_GRACE_S if future.running() else 0.0, future.cancel)


def _error_of(refused: child.RemoteError) -> Exception:
    error = revive(refused.name, refused.message, refused.fields)
    if isinstance(error, AudioTooLong):
        return AudioTooLong(limit_s=error.limit_s, duration_s=error.duration_s, setting=_AUDIO_LIMIT)
    return error
