"""Decode the bytes of a file into a waveform, with limits enforced during decoding.

A small file can hold hours of sound (20 minutes of silent Opus take 450 kB), and a header can claim any length. So
samples are counted as they are decoded, and decoding stops at the limit.
"""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import soxr

from model.audio.recordings import Recordings
from model.audio.scale import LOUDEST
from model.audio.track import Block
from model.audio.waveform import SAMPLE_RATE, SAMPLES_PER_TENTH, Waveform
from model.errors import AudioTooLong, CorruptAudio, EmptyAudio

MIN_SAMPLES = SAMPLES_PER_TENTH
"""The fewest samples to accept: a tenth of a second, the unit of every interval."""

DECODED_BYTES = 2**30
DECODED_BYTES_PER_S = 2**21
"""Decoded bytes allowed: the larger of 1 GiB and 2 MiB per second of the limit, which 192 kHz stereo stays under."""


def decode_audio(
    data: bytes,
    *,
    max_seconds: float,
    start_s: float = 0.0,
    end_s: float | None = None,
    track: int | None = None,
    max_decoded_bytes: int | None = None,
) -> Waveform:
    """Decode one audio track of a file, or its part from `start_s` to `end_s`, to mono at 16 kHz.

    Times are those of the file's own clock: gaps are silence (`model/audio/clock.py`). Channels are averaged unless
    they cancel (`downmix.py`), then resampled (soxr HQ); 16 kHz mono PCM is unchanged. A part has the same samples as
    in the whole: start and end are rounded to the nearest sample, and the cut is made after resampling. Nothing after
    the end is decoded. The limit bounds the memory for any file.

    Args:
        data: the whole file.
        max_seconds: the longest part to accept.
        start_s: start of the part, in seconds.
        end_s: end of the part, in seconds; the recording's end if None or later than that.
        track: number of the audio track, from 0; by default the one that a player plays (`choose_track`).
        max_decoded_bytes: the most bytes to decode, before and inside the part; by default from `DECODED_BYTES` and
            `DECODED_BYTES_PER_S`.

    Raises:
        UnsupportedAudio: not an audio file of a supported kind, or rate, channels or bytes beyond a limit.
        NoSuchTrack: the file has no audio track `track`.
        CorruptAudio: the file is damaged or cut short before the end of the part; the message says where.
        EmptyAudio: the part has less than 0.1 s of sound.
        AudioTooLong: the part is longer than `max_seconds`.
        ValueError: `start_s` is negative, or `end_s` is not after it.
    """
    warnings: list[str] = []
    kept = bytearray()  # grows in place; joining a list of pieces would need twice the memory
    for piece in decode_pieces(
        data,
        max_seconds=max_seconds,
        start_s=start_s,
        end_s=end_s,
        track=track,
        max_decoded_bytes=max_decoded_bytes,
        warnings=warnings,
    ):
        kept += piece.data
    return Waveform(np.frombuffer(kept, dtype=np.float32), tuple(warnings))


def decode_pieces(
    data: bytes,
    *,
    max_seconds: float,
    start_s: float = 0.0,
    end_s: float | None = None,
    track: int | None = None,
    max_decoded_bytes: int | None = None,
    warnings: list[str] | None = None,
) -> Iterator[npt.NDArray[np.float32]]:
    """Yield the samples of `decode_audio` piece by piece, in memory that does not depend on the length.

    At the end, add a sentence to `warnings` for each thing that was left out or filled in.

    Raises:
        As `decode_audio`, during iteration or at its end.
    """
    start, end = _to_samples(start_s), None if end_s is None else _to_samples(end_s)
    if start < 0 or (end is not None and end <= start):
        raise ValueError(f"A part must start at 0 or later and end after its start, not {start_s} to {end_s} s.")
    if max_decoded_bytes is None:
        max_decoded_bytes = max(DECODED_BYTES, math.ceil(max_seconds * DECODED_BYTES_PER_S))
    limit = _to_samples(max_seconds)
    num_kept = position = 0
    with Recordings(data, max_decoded_bytes=max_decoded_bytes, track=track) as recordings:
        for piece in _resample(recordings.blocks()):
            part = piece[max(0, start - position) : None if end is None else max(0, end - position)]
            num_kept += len(part)
            position += len(piece)
            yield _check(part)
            if num_kept > limit:
                raise _too_long(max_seconds, start_s, end_s, recordings.declared_s)
            if end is not None and position >= end:
                break
        if warnings is not None:
            warnings += recordings.warnings()
    if num_kept < MIN_SAMPLES:
        raise EmptyAudio(_describe_lack(num_kept, position, start_s))


def _to_samples(seconds: float) -> int:
    """Round to the nearest whole sample at 16 kHz."""
    return round(seconds * SAMPLE_RATE)


def _resample(blocks: Iterator[Block]) -> Iterator[npt.NDArray[np.float32]]:
    """Resample the blocks to 16 kHz. If reading fails, yield everything that was read before raising the error."""
    stream: soxr.ResampleStream | None = None
    rate = 0
    damage: CorruptAudio | None = None
    nothing = np.zeros(0, np.float32)
    try:
        for block in blocks:
            if block.rate != rate:
                if stream is not None:
                    yield stream.resample_chunk(nothing, last=True)
                rate = block.rate
                stream = None if rate == SAMPLE_RATE else soxr.ResampleStream(rate, SAMPLE_RATE, 1, "float32", "HQ")
            yield block.samples if stream is None else stream.resample_chunk(block.samples)
    except CorruptAudio as error:
        damage = error
    if stream is not None:
        yield stream.resample_chunk(nothing, last=True)
    if damage is not None:
        raise damage


def _check(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the samples if they are valid: floating-point files may hold infinities and NaN."""
    if len(samples) and not np.abs(samples).max() <= LOUDEST:
        raise CorruptAudio("The file has infinite, NaN or far too large samples. Repair it and send it again.")
    return samples


def _too_long(max_seconds: float, start_s: float, end_s: float | None, declared_s: float | None) -> AudioTooLong:
    """Return the error, with the part's length if the header's hint also says that it is too long."""
    last_s = min((s for s in (end_s, declared_s) if s is not None), default=0.0)
    length_s = last_s - start_s
    return AudioTooLong(limit_s=max_seconds, duration_s=length_s if length_s > max_seconds else None)


def _describe_lack(num_samples: int, position: int, start_s: float) -> str:
    if position and not num_samples:
        return f"The recording is {position / SAMPLE_RATE:.2f} s long, so it has no sound after {start_s:g} s."
    return f"There is {num_samples / SAMPLE_RATE:.2f} s of sound. Send at least {MIN_SAMPLES / SAMPLE_RATE:g} s."
