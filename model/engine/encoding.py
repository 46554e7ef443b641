"""Recordings through the encoders: segments of different recordings together, one recording never before another."""

import time
from collections.abc import Sequence

import torch
from torch import Tensor

from model.audio.segment import SEGMENT_SAMPLES, split
from model.audio.waveform import Waveform
from model.engine.memory import in_halves
from model.engine.turns import Turns
from model.errors import OutOfMemory, TimeAudioError
from model.timeaudio import Frames, TimeAudio

CPU_BATCH = 1
CUDA_BATCH = 16
"""30 s segments, or as many samples in shorter ones, that go through the encoders together. On a CPU more of them
take as much longer, and make answers that are being written wait."""


class Hearing:
    """A recording on its way through the encoders.

    Attributes:
        tokens: float [tokens, dim], what the language model hears, once it is there.
        error: why it never will be.
        seconds: its share of the encoders' time.
    """

    def __init__(self, waveform: Waveform) -> None:
        self.num_samples = waveform.num_samples
        self.duration = waveform.duration_tenths
        self.segments = split(waveform)
        self.frames: list[Frames | None] = [None] * len(self.segments)
        self.tokens: Tensor | None = None
        self.error: TimeAudioError | None = None
        self.seconds = 0.0

    @property
    def is_heard(self) -> bool:
        """Whether the encoders are through with all its segments."""
        return None not in self.frames

    @property
    def is_ended(self) -> bool:
        """Whether it has its tokens, or never will."""
        return self.tokens is not None or self.error is not None


Piece = tuple[Hearing, int]
"""One segment of a recording, by number."""


class EncoderQueue:
    """Recordings that wait to be heard.

    Each step takes one batch of segments of one length, in turn by recording, so that an hour of audio does not hold
    up five seconds. Nothing is padded.
    """

    def __init__(self, model: TimeAudio) -> None:
        self._model = model
        self._is_cuda = next(model.parameters()).is_cuda
        self._most_samples = SEGMENT_SAMPLES * (CUDA_BATCH if self._is_cuda else CPU_BATCH)
        self._waiting: Turns[Hearing, int] = Turns()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, hearing: Hearing) -> None:
        """Let all segments of a recording wait."""
        for number in range(len(hearing.segments)):
            self._waiting.add(hearing, number)

    def cancel(self, hearing: Hearing) -> None:
        """Forget what is left of a recording."""
        self._waiting.drop(hearing)

    @torch.inference_mode()
    def step(self) -> list[Hearing]:
        """Encode the next batch. Returns the recordings that are in it, of which some have ended: heard or failed."""
        batch = self._next()
        for hearing, number in batch:
            self._waiting.take(hearing, number)
        began = time.perf_counter()
        for (hearing, number), frames in zip(batch, in_halves(self._encode, batch), strict=True):
            if isinstance(frames, OutOfMemory):
                self._fail(hearing, frames)
            else:
                hearing.frames[number] = frames
        touched = list(dict.fromkeys(hearing for hearing, _ in batch))
        self._connect([hearing for hearing in touched if hearing.is_heard])
        if self._is_cuda:
            torch.cuda.synchronize()  # its time is this step's, and so are its failures
        for hearing, _ in batch:
            hearing.seconds += (time.perf_counter() - began) / len(batch)
        return touched

    def _next(self) -> list[Piece]:
        """The segment whose turn it is, and others as long as it."""
        batch: list[Piece] = []
        num_frames = most = 0
        for hearing, number in self._waiting.in_turn():
            segment = hearing.segments[number]
            if not batch:
                num_frames = segment.num_frames
                most = max(1, self._most_samples // segment.num_samples)
            if segment.num_frames == num_frames:
                batch.append((hearing, number))
                if len(batch) == most:
                    break
        return batch

    def _encode(self, batch: Sequence[Piece]) -> list[Frames]:
        return self._model.encode_batch([hearing.segments[number] for hearing, number in batch])

    def _fail(self, hearing: Hearing, error: TimeAudioError) -> None:
        hearing.error = error
        self._waiting.drop(hearing)

    def _connect(self, heard: list[Hearing]) -> None:
        """Give the recordings their tokens, those of one length together."""
        by_length: dict[tuple[int, ...], list[Hearing]] = {}
        for hearing in heard:
            if hearing.error is None:
                by_length.setdefault(tuple(s.num_samples for s in hearing.segments), []).append(hearing)
        for group in by_length.values():
            found: Sequence[Tensor | TimeAudioError]
            try:
                found = in_halves(self._tokens, group)
            except TimeAudioError as error:  # too long for a checkpoint that hears recordings as a whole
                found = [error] * len(group)
            for hearing, tokens in zip(group, found, strict=True):
                hearing.frames.clear()
                if isinstance(tokens, TimeAudioError):
                    self._fail(hearing, tokens)
                else:
                    hearing.tokens = tokens

    def _tokens(self, group: Sequence[Hearing]) -> list[Tensor]:
        joined = [self._model.joined(h.segments, [f for f in h.frames if f is not None]) for h in group]
        speech, sound = (torch.cat(parts) for parts in zip(*joined, strict=True))
        return list(self._model.audio_tokens(speech, sound, [hearing.num_samples for hearing in group]))
