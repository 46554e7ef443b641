"""Converts the samples that callers send to mono float32 at 16 kHz, in blocks of a tenth of a second."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import soxr

from model.audio.downmix import Downmix
from model.audio.scale import FAR_SHARE, FEW_FAR, LOUDEST
from model.errors import CorruptAudio
from server.errors import InvalidField, InvalidFieldDetail
from server.workers.protocol import SAMPLE_RATE
from timeaudio.v1 import timeaudio_pb2 as pb

BLOCK: Final = SAMPLE_RATE // 10
"""Samples per block: times are in tenths, so windows begin and end at block boundaries."""

_KINDS: Final[Mapping[int, np.dtype[Any]]] = {pb.ENCODING_S16LE: np.dtype("<i2"), pb.ENCODING_F32LE: np.dtype("<f4")}
_RATES: Final = range(8_000, 192_001)
_MOST_CHANNELS: Final = 16


class PcmReader:
    """One stream of samples. Chunks may end anywhere, even within a sample.

    Raises:
        InvalidField: the format is not supported; the error lists every problem.
    """

    def __init__(self, live: pb.LiveAudio) -> None:
        errors = []
        if live.encoding not in _KINDS:
            errors.append(
                InvalidFieldDetail("live.encoding", "missing or unknown; use ENCODING_S16LE or ENCODING_F32LE")
            )
        if live.sample_rate not in _RATES:
            errors.append(
                InvalidFieldDetail("live.sample_rate", f"must be {_RATES[0]} to {_RATES[-1]}, not {live.sample_rate}")
            )
        if live.channels > _MOST_CHANNELS:
            errors.append(InvalidFieldDetail("live.channels", f"must be at most {_MOST_CHANNELS}, not {live.channels}"))
        if errors:
            raise InvalidField(errors)
        self._kind = _KINDS[live.encoding]
        self._channels = live.channels or 1
        rate = live.sample_rate
        self._rate = rate
        self._downmix = Downmix()
        self._resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32") if rate != SAMPLE_RATE else None
        self._rest = b""
        self._ready = np.empty(0, np.float32)

    def add(self, data: bytes) -> Iterator[bytes]:
        """Yield the blocks that these bytes complete, as float32 little-endian.

        Raises:
            CorruptAudio: samples are far beyond full scale.
        """
        data = self._rest + data
        step = self._sample_bytes * (self._rate // 10)  # cancelling channels are detected per tenth of a second
        whole = len(data) - len(data) % step
        self._rest = data[whole:]
        for start in range(0, whole, step):
            yield from self._blocks(self._mono(data[start : start + step]), is_last=False)

    def end(self) -> Iterator[bytes]:
        """Yield the remaining blocks; the last one may be shorter. Drop the bytes of an incomplete sample.

        Raises:
            CorruptAudio: as `add`.
        """
        whole = len(self._rest) - len(self._rest) % self._sample_bytes
        data, self._rest = self._rest[:whole], b""
        yield from self._blocks(self._mono(data), is_last=True)
        if len(self._ready):
            yield self._ready.astype("<f4").tobytes()

    @property
    def _sample_bytes(self) -> int:
        """The bytes of one sample of all channels."""
        return self._kind.itemsize * self._channels

    def _mono(self, data: bytes) -> npt.NDArray[np.float32]:
        samples = np.frombuffer(data, self._kind).astype(np.float32)
        if self._kind.kind == "i":
            samples /= 32768.0
        # A NaN or an infinity would spread to everything that the model computes.
        samples = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
        if np.count_nonzero(np.abs(samples) > LOUDEST) > max(FEW_FAR, FAR_SHARE * np.count_nonzero(samples)):
            raise CorruptAudio(
                "The samples are far beyond full scale. Send float samples from -1 to 1: divide 16-bit values by "
                "32768, or send them as ENCODING_S16LE."
            )
        if not len(samples):
            return samples
        samples = np.clip(samples, -LOUDEST, LOUDEST)  # a few may be damaged; very large ones would become infinite
        return self._downmix.mix(samples.reshape(-1, self._channels).T, self._rate)

    def _blocks(self, samples: npt.NDArray[np.float32], *, is_last: bool) -> Iterator[bytes]:
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples, last=is_last)
        self._ready = np.concatenate([self._ready, samples])
        whole = len(self._ready) - len(self._ready) % BLOCK
        for start in range(0, whole, BLOCK):
            yield self._ready[start : start + BLOCK].astype("<f4").tobytes()
        self._ready = self._ready[whole:]
