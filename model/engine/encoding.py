"""Encodes recordings: batches segments of different recordings, in turn, so that none blocks the others."""

import time
from collections.abc import Sequence

import torch
from torch import Tensor

from model.audio.segment import FRAME_SAMPLES, SEGMENT_SAMPLES, split
from model.audio.waveform import Waveform
from model.engine.fair_queue import FairQueue
from model.engine.memory import in_halves
from model.engine.summary import read_words
from model.errors import CorruptAudio, TimeAudioError
from model.timeaudio import Frames, TimeAudio
from model.timeline.words import Word

CPU_BATCH = 1
CUDA_BATCH = 16
"""Batch size in 30 s segments, or as many samples in shorter ones. On a CPU, a larger batch takes proportionally
longer and delays the answers that are being generated."""


NOT_FINITE = "The samples are too large or not numbers. Send them from -1 to 1."
NO_SAMPLES = "The recording has no samples. Send at least 0.1 s of sound."


class EncodeJob:
    """A recording while the encoders process it.

    Args:
        waveform: the recording.
        reads_words: whether to recognise its words instead of computing audio tokens.

    Attributes:
        tokens: float [tokens, dim], the audio tokens for the language model; None until they are computed.
        words: the words that are spoken; None until they are recognised.
        error: why encoding failed.
        seconds: its share of the encoders' time.
    """

    def __init__(self, waveform: Waveform, *, reads_words: bool = False) -> None:
        self.reads_words = reads_words
        self.num_samples = waveform.num_samples
        self.duration = waveform.duration_tenths
        self.segments = split(waveform)
        self.frames: list[Frames | None] = [None] * len(self.segments)
        self.tokens: Tensor | None = None
        self.spoken: dict[int, list[Word]] = {}  # by segment
        self.words: list[Word] | None = None
        self.error: TimeAudioError | None = None
        self.seconds = 0.0

    @property
    def is_encoded(self) -> bool:
        """Whether all segments are encoded, or their words are read."""
        return len(self.spoken) == len(self.segments) if self.reads_words else None not in self.frames

    @property
    def is_ended(self) -> bool:
        """Whether its tokens or words are there, or encoding failed."""
        return self.tokens is not None or self.words is not None or self.error is not None


Piece = tuple[EncodeJob, int]
"""A recording and the number of one of its segments."""


class EncoderQueue:
    """Queue of recordings to encode.

    Each step takes one batch of segments of equal length, in turn by recording, so that an hour of audio does not
    delay a recording of five seconds. Nothing is padded.
    """

    def __init__(self, model: TimeAudio) -> None:
        self._model = model
        self._is_cuda = next(model.parameters()).is_cuda
        self._most_samples = SEGMENT_SAMPLES * (CUDA_BATCH if self._is_cuda else CPU_BATCH)
        self._waiting: FairQueue[EncodeJob, int] = FairQueue()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, job: EncodeJob) -> None:
        """Queue all segments of a recording."""
        for number in range(len(job.segments)):
            self._waiting.add(job, number)

    def cancel(self, job: EncodeJob) -> None:
        """Drop the remaining segments of a recording."""
        self._waiting.drop(job)

    @torch.inference_mode()
    def step(self) -> list[EncodeJob]:
        """Encode the next batch. Return the recordings in it; some have ended, either encoded or failed."""
        batch = self._next()
        for job, number in batch:
            self._waiting.take(job, number)
        began = time.perf_counter()
        for (job, number), frames in zip(batch, in_halves(self._encode, batch), strict=True):
            if isinstance(frames, TimeAudioError):
                self._fail(job, frames)
            elif isinstance(frames, list):
                job.spoken[number] = frames
            else:
                job.frames[number] = frames
        touched = list(dict.fromkeys(job for job, _ in batch))
        self._connect([job for job in touched if job.is_encoded])
        if self._is_cuda:
            torch.cuda.synchronize()  # attribute the batch's time and failures to this step
        for job, _ in batch:
            job.seconds += (time.perf_counter() - began) / len(batch)
        return touched

    def _next(self) -> list[Piece]:
        """Return the segment whose turn it is, and others of the same length."""
        batch: list[Piece] = []
        num_frames = most = 0
        batch_reads = False
        for job, number in self._waiting.in_turn():
            segment = job.segments[number]
            if not batch:
                num_frames, batch_reads = segment.num_frames, job.reads_words
                most = max(1, self._most_samples // segment.num_samples)
            if segment.num_frames == num_frames and job.reads_words == batch_reads:
                batch.append((job, number))
                if len(batch) == most:
                    break
        return batch

    def _encode(self, batch: Sequence[Piece]) -> list[Frames | list[Word] | TimeAudioError]:
        """Return the frames of segments or, for recordings whose words are read, their words or why there are none."""
        segments = [job.segments[number] for job, number in batch]
        if not batch[0][0].reads_words:
            return list(self._model.encode_batch(segments))
        assert self._model.transcriber is not None, "the session checks it"
        return [
            read_words(self._model.transcriber, frames, segment.start // FRAME_SAMPLES)
            if frames.isfinite().all()
            else CorruptAudio(NOT_FINITE)
            for frames, segment in zip(self._model.encode_speech(segments), segments, strict=True)
        ]

    def _fail(self, job: EncodeJob, error: TimeAudioError) -> None:
        job.error = error
        self._waiting.drop(job)

    def _connect(self, jobs: list[EncodeJob]) -> None:
        """Compute the audio tokens of the recordings, batching those of the same length, or join their words."""
        by_length: dict[tuple[int, ...], list[EncodeJob]] = {}
        for job in jobs:
            if job.reads_words:
                job.words = [word for number in sorted(job.spoken) for word in job.spoken[number]]
            elif job.error is None:
                by_length.setdefault(tuple(s.num_samples for s in job.segments), []).append(job)
        for group in by_length.values():
            found: Sequence[Tensor | TimeAudioError]
            try:
                found = in_halves(self._tokens, group)
            except TimeAudioError as error:  # too long for a checkpoint that encodes recordings as a whole
                found = [error] * len(group)
            for job, tokens in zip(group, found, strict=True):
                job.frames.clear()
                if isinstance(tokens, TimeAudioError):
                    self._fail(job, tokens)
                elif not tokens.isfinite().all():  # in the cache of keys and values, they would reach other answers
                    self._fail(job, CorruptAudio(NOT_FINITE))
                else:
                    job.tokens = tokens

    def _tokens(self, group: Sequence[EncodeJob]) -> list[Tensor]:
        joined = [self._model.joined(h.segments, [f for f in h.frames if f is not None]) for h in group]
        speech, sound = (torch.cat(parts) for parts in zip(*joined, strict=True))
        return list(self._model.audio_tokens(speech, sound, [job.num_samples for job in group]))
