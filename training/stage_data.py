"""The training data of a stage: the rows of each step, and the encoders' features of their recordings.

Rows depend only on the step, and features only on the recording. A stopped run therefore resumes exactly, and features
can be cached on disk.
"""

import hashlib
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from model.audio.decode import decode_audio
from model.audio.segment import split
from model.audio.waveform import SAMPLE_RATE, Waveform
from model.errors import AudioError
from model.timeaudio import TimeAudio
from training.data.manifest import Row
from training.data.recordings import DataError

BUCKET_BATCHES = 32
"""Rows are sorted by length within this many batches: a batch has similar lengths, and batches come in random order."""

MAX_SECONDS = 7200.0


class BatchSampler:
    """Chooses the rows of each step: every row once per epoch, in batches of similar lengths.

    Up to `together` rows of one recording stay in one batch, so that they can share its audio tokens.
    """

    def __init__(self, rows: Sequence[Row], size: int, seed: int, together: int = 1) -> None:
        self.rows, self.size, self.seed, self.together = rows, size, seed, together
        self.steps_per_epoch = -(-len(rows) // size)
        self._epoch = -1
        self._order: list[list[int]] = []

    def at(self, step: int) -> list[Row]:
        """Return the `size` rows of a step. An epoch's last batch is filled with rows from the epoch's beginning."""
        epoch, place = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._ordered(epoch)
        return [self.rows[index] for index in self._order[place]]

    def _ordered(self, epoch: int) -> list[list[int]]:
        rng = np.random.default_rng([self.seed, epoch])
        order = rng.permutation(len(self.rows)).tolist()
        if self.together > 1:
            order = self._group_rows(order)
        order = (order * (1 + self.size))[: self.steps_per_epoch * self.size]
        pool = BUCKET_BATCHES * self.size
        batches: list[list[int]] = []
        for first in range(0, len(order), pool):
            # Python's sort is stable: gathered rows stay side by side.
            near = sorted(order[first : first + pool], key=lambda index: self.rows[index].duration or 0.0)
            batches += [near[at : at + self.size] for at in range(0, len(near), self.size)]
        return [batches[place] for place in rng.permutation(len(batches))]

    def _group_rows(self, order: Sequence[int]) -> list[int]:
        """Reorder rows: each pulls up to `together` - 1 later rows of its recording forward."""
        waiting: dict[str, list[int]] = {}
        for index in reversed(order):
            waiting.setdefault(self.rows[index].audio, []).append(index)
        gathered: list[int] = []
        for index in order:
            of_recording = waiting[self.rows[index].audio]
            if of_recording and of_recording[-1] == index:
                taken = min(self.together, len(of_recording))
                gathered += [of_recording.pop() for _ in range(taken)]
        return gathered


class FeatureExtractor:
    """Computes both encoders' frames of recordings. The encoders never train, so `cache` may keep the frames.

    With `bfloat16` the encoders run under autocast: several times faster where the device has instructions for it.

    Threads read files ahead. The cache key is the recording's path, size and modification time with a fingerprint of
    the encoders' weights and of the settings that they depend on, so stale frames are never used.

    Attributes:
        waited_s: total seconds spent waiting for files.
    """

    def __init__(self, model: TimeAudio, folder: Path, cache: Path | None, *, bfloat16: bool = False) -> None:
        self._model, self._folder, self._cache, self._bfloat16 = model, folder, cache, bfloat16
        self._threads = ThreadPoolExecutor(max_workers=4)
        self._pending: dict[str, Future[Waveform]] = {}
        self.waited_s = 0.0
        settings = model.config.pad_segments, model.config.encoding, bfloat16
        self._fingerprint = f"{fingerprint(model.speech, model.sound)} {settings}" if cache is not None else ""
        if cache is not None:
            cache.mkdir(parents=True, exist_ok=True)

    def prefetch(self, rows: Sequence[Row]) -> None:
        """Start reading the rows' recordings in the background."""
        for row in rows:
            if row.audio not in self._pending and not self._cache_path(row).is_file():
                self._pending[row.audio] = self._threads.submit(_read, row.path(self._folder))

    @torch.no_grad()  # not inference_mode: the trained modules save these tensors for backward
    def frames(self, rows: Sequence[Row]) -> list[tuple[Tensor, Tensor]]:
        """Return the speech and sound frames of each row's recording, [1, frames, dim].

        Segments of one length are encoded together.
        """
        began = time.perf_counter()
        found: dict[str, tuple[Tensor, Tensor]] = {}
        fresh: dict[str, Row] = {}
        for row in rows:
            if row.audio in found or row.audio in fresh:
                continue
            kept = self._cache_path(row)
            if kept.is_file():
                with np.load(kept) as stored:
                    found[row.audio] = (_tensor(stored["speech"]), _tensor(stored["sound"]))
            else:
                fresh[row.audio] = row
        self.prefetch(list(fresh.values()))
        segments = {name: split(self._pending.pop(name).result()) for name in fresh}
        self.waited_s += time.perf_counter() - began
        by_length: dict[int, list[tuple[str, int]]] = {}
        for name, parts in segments.items():
            for place, part in enumerate(parts):
                by_length.setdefault(part.num_frames, []).append((name, place))
        frames: dict[tuple[str, int], tuple[Tensor | None, Tensor | None]] = {}
        device = next(self._model.parameters()).device.type
        with torch.autocast(device, torch.bfloat16, enabled=self._bfloat16):
            for group in by_length.values():
                for first in range(0, len(group), 8):
                    some = group[first : first + 8]
                    encoded = self._model.encode_batch([segments[name][place] for name, place in some])
                    frames |= dict(zip(some, encoded, strict=True))
        for name, parts in segments.items():
            speech, sound = self._model.joined(parts, [frames[name, place] for place in range(len(parts))])
            if self._cache is not None:  # the same rounding as from the cache, so that a resumed run is exact
                speech, sound = speech.half().float(), sound.half().float()
            found[name] = speech, sound
            self._store(fresh[name], speech, sound)
        return [found[row.audio] for row in rows]

    def _cache_path(self, row: Row) -> Path:
        if self._cache is None:
            return Path("/nowhere")
        path = row.path(self._folder)
        stat = path.stat()
        name = f"{path.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}\0{self._fingerprint}"
        return self._cache / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.npz"

    def _store(self, row: Row, speech: Tensor, sound: Tensor) -> None:
        if self._cache is None:
            return
        path = self._cache_path(row)
        part = path.with_name(f"{path.name}.{hash(self) & 0xFFFF:x}.part")
        with part.open("wb") as file:
            np.savez(file, speech=speech.half().cpu().numpy(), sound=sound.half().cpu().numpy())
        part.replace(path)


def fingerprint(*modules: nn.Module) -> str:
    """Return a short fingerprint of the modules' weights."""
    digest = hashlib.sha256()
    for module in modules:
        for name, tensor in module.state_dict().items():
            digest.update(f"{name}{tuple(tensor.shape)}{float(tensor.double().sum()):.6g}".encode())
    return digest.hexdigest()[:16]


def lengths(rows: Sequence[Row]) -> list[int]:
    """Return the number of samples of each row's recording; 0 where its duration is unknown."""
    return [round((row.duration or 0.0) * SAMPLE_RATE) for row in rows]


def _tensor(stored: npt.NDArray[np.float16]) -> Tensor:
    return torch.from_numpy(stored.astype(np.float32))


def _read(path: Path) -> Waveform:
    try:
        return decode_audio(path.read_bytes(), max_seconds=MAX_SECONDS)
    except AudioError as error:
        raise DataError(f"{path}: {error}") from error
