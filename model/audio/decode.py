"""From the bytes of a file to a waveform, with every limit enforced while decoding.

A small file can hold hours of sound (20 minutes of silent Opus are 450 kB), headers can claim anything, and what a
header says about the length is only a hint. So samples are counted as they come, and work stops at the limit.
"""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import soxr

from model.audio.track import Block, Track
from model.audio.waveform import SAMPLE_RATE, SAMPLES_PER_TENTH, Waveform
from model.errors import AudioTooLong, CorruptAudio, EmptyAudio

MIN_SAMPLES = SAMPLES_PER_TENTH
"""Fewest samples worth hearing: a tenth of a second, the unit of every interval."""

DECODED_BYTES = 2**30
DECODED_BYTES_PER_S = 2**21
"""Decoded bytes allowed: 1 GiB or, if that is more, 2 MiB per second of the limit, which 192 kHz stereo stays under."""

LOUDEST = 2.0**16
"""Largest sample taken for sound: float files may be scaled to 16-bit integers, anything beyond is damage."""


def decode_audio(
    data: bytes,
    *,
    max_seconds: float,
    start_s: float = 0.0,
    end_s: float | None = None,
    max_decoded_bytes: int | None = None,
) -> Waveform:
    """The first audio track of a file as mono sound at 16 kHz, or the part from `start_s` to `end_s` of it.

    Channels are averaged, then resampled (soxr HQ); 16 kHz mono PCM comes out as it went in. A part equals the same
    samples of the whole: start and end are rounded to the nearest sample and cut after resampling. Nothing after the
    end is decoded. Memory is bounded by the limit, not by the file.

    Args:
        data: the whole file; its name is never needed.
        max_seconds: the longest part to accept.
        start_s: where the part begins, in seconds.
        end_s: where it ends, in seconds; beyond the recording's end or None means there.
        max_decoded_bytes: bound on the work, before and inside the part; None means `DECODED_BYTES` and so on.

    Raises:
        UnsupportedAudio: not an audio file of a kind that is read here, or rate, channels or bytes beyond a limit.
        CorruptAudio: the file is damaged or cut short before the end of the part; the message says where.
        EmptyAudio: the part has less than 0.1 s of sound.
        AudioTooLong: the part is longer than `max_seconds`.
        ValueError: `start_s` is negative, or `end_s` is not after it.
    """
    kept = bytearray()  # grows in place: a list of pieces would be held twice while it is joined
    for piece in decode_pieces(
        data, max_seconds=max_seconds, start_s=start_s, end_s=end_s, max_decoded_bytes=max_decoded_bytes
    ):
        kept += piece.data
    return Waveform(np.frombuffer(kept, dtype=np.float32))


def decode_pieces(
    data: bytes,
    *,
    max_seconds: float,
    start_s: float = 0.0,
    end_s: float | None = None,
    max_decoded_bytes: int | None = None,
) -> Iterator[npt.NDArray[np.float32]]:
    """The same samples piece by piece, so that the memory that it takes does not depend on the length.

    Raises:
        As `decode_audio`, while it is read or at its end.
    """
    start, end = _to_samples(start_s), None if end_s is None else _to_samples(end_s)
    if start < 0 or (end is not None and end <= start):
        raise ValueError(f"A part ends after it starts, and starts at 0 or later: {start_s} to {end_s} s is none.")
    if max_decoded_bytes is None:
        max_decoded_bytes = max(DECODED_BYTES, math.ceil(max_seconds * DECODED_BYTES_PER_S))
    limit = _to_samples(max_seconds)
    num_kept = position = 0
    with Track(data, max_decoded_bytes=max_decoded_bytes) as track:
        for piece in _resample(track.blocks()):
            part = piece[max(0, start - position) : None if end is None else max(0, end - position)]
            num_kept += len(part)
            position += len(piece)
            yield _check(part)
            if num_kept > limit:
                raise _too_long(max_seconds, start_s, end_s, track.declared_s)
            if end is not None and position >= end:
                break
    if num_kept < MIN_SAMPLES:
        raise EmptyAudio(_describe_lack(num_kept, position, start_s))


def _to_samples(seconds: float) -> int:
    """Whole samples at 16 kHz, to the nearest."""
    return round(seconds * SAMPLE_RATE)


def _resample(blocks: Iterator[Block]) -> Iterator[npt.NDArray[np.float32]]:
    """The blocks at 16 kHz. When reading fails, what was read is given out whole before the error is."""
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
    """The same samples, if they can be sound: files in floating point may hold infinities and what is no number."""
    if len(samples) and not np.abs(samples).max() <= LOUDEST:
        raise CorruptAudio("The file holds samples that are infinite, no numbers or absurdly loud. Send it repaired.")
    return samples


def _too_long(max_seconds: float, start_s: float, end_s: float | None, declared_s: float | None) -> AudioTooLong:
    """The error, with the part's length where the header's hint agrees that it is too long."""
    last_s = min((s for s in (end_s, declared_s) if s is not None), default=0.0)
    length_s = last_s - start_s
    return AudioTooLong(limit_s=max_seconds, duration_s=length_s if length_s > max_seconds else None)


def _describe_lack(num_samples: int, position: int, start_s: float) -> str:
    if position and not num_samples:
        return f"Nothing is left from {start_s:g} s on: the recording is {position / SAMPLE_RATE:.2f} s long."
    return f"There is {num_samples / SAMPLE_RATE:.2f} s of sound. Send at least {MIN_SAMPLES / SAMPLE_RATE:g} s."
