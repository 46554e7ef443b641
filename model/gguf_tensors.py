"""Reads and writes tensors in GGUF, llama.cpp's file format, in 4 or 8 bits per number.

Q8_0: 32 consecutive values of a row share a float16 scale, max(|x|) / 127; each value is an integer multiple of it.
Q4_1: 32 consecutive values share a float16 step and a float16 minimum; each value is the minimum plus 0 to 15 steps.

The reader skips the metadata, so loading does not parse thousands of tokens.

Source: ggml, docs/gguf.md, version 3; ggml-quants.c.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from mmap import ACCESS_COPY, mmap
from pathlib import Path

import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFWriter, quants
from torch import Tensor

from model.errors import CheckpointError

GGUF_FILE = "model.gguf"
MOST_BYTES = 45_000_000
"""Size above which a file is split, as llama.cpp splits: model-00001-of-00002.gguf, ..."""
BLOCK = 32
"""Values per scale."""

_Q4_1, _Q8_0 = 3, 8
_PLAIN = {0: torch.float32, 1: torch.float16, 30: torch.bfloat16}
"""Tensor types that this module reads besides the quantized ones, by GGUF's type numbers."""

_STRING, _ARRAY = 8, 9
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Size in bytes of every other metadata type."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Location of a tensor in the file: shape, GGUF type number, and offset of the first byte."""

    shape: tuple[int, ...]
    kind: int
    start: int


def gguf_files(directory: Path) -> list[Path]:
    """Return the GGUF file of a directory, or all parts of a split one; none if there is none."""
    return sorted(directory.glob(f"{Path(GGUF_FILE).stem}*.gguf"))


def read_tensors(paths: Sequence[Path]) -> dict[str, Tensor]:
    """Return the tensors of a file, or of all parts of a split one. Quantized ones are dequantized to float32.

    Raises:
        CheckpointError: a file is damaged, missing, or has tensor types that are not supported.
    """
    found: dict[str, Tensor] = {}
    for path in paths:
        try:
            with path.open("rb") as file:
                held = mmap(file.fileno(), 0, access=ACCESS_COPY)  # torch rejects read-only memory
            found |= {name: _tensor(held, place) for name, place in _places(held).items()}
        except (OSError, ValueError, IndexError, KeyError, struct.error, RuntimeError) as error:
            raise CheckpointError(f"{path} cannot be read ({error}): copy it again.") from None
    return found


def write_tensors(writer: GGUFWriter, tensors: Mapping[str, Tensor], bits: Mapping[str, GGMLQuantizationType]) -> None:
    """Add tensors to a file and finish it.

    Matrices are quantized as `bits` says, or to Q8_0, if their row length is a multiple of 32; others become float16.
    Vectors stay float32. A convolution's kernel is stored as a matrix, one row per output channel.
    """
    for name, tensor in tensors.items():
        array = tensor.float().cpu().numpy()
        if array.ndim > 2:
            array = array.reshape(len(array), -1)
        if array.ndim < 2:
            writer.add_tensor(name, array)
        elif array.shape[1] % BLOCK:
            writer.add_tensor(name, array.astype(np.float16))
        else:
            kind = bits.get(name, GGMLQuantizationType.Q8_0)
            writer.add_tensor(name, quants.quantize(array, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class _Header:
    """Reads the values at the start of a file in order."""

    def __init__(self, held: mmap) -> None:
        self.held = held
        self.at = 0

    def number(self, form: str) -> int:
        """Read an unsigned integer: `I` has 4 bytes, `Q` has 8."""
        (value,) = struct.unpack_from("<" + form, self.held, self.at)
        self.at += struct.calcsize("<" + form)
        return int(value)

    def text(self) -> str:
        """Read a string, which follows its length."""
        length = self.number("Q")
        self.at += length
        return self.held[self.at - length : self.at].decode()

    def skip(self, kind: int, times: int = 1) -> None:
        """Skip metadata values of one type."""
        if kind == _STRING:
            for _ in range(times):
                length = self.number("Q")
                self.at += length
        elif kind == _ARRAY:
            for _ in range(times):
                inside, count = self.number("I"), self.number("Q")
                self.skip(inside, count)
        else:
            self.at += times * _SIZES[kind]


def _places(held: mmap) -> dict[str, _Place]:
    """Return the location of each tensor. Of the metadata, only the alignment is read."""
    header = _Header(held)
    if held[:4] != b"GGUF":
        raise ValueError("it is not a GGUF file")
    header.at = 4
    if (version := header.number("I")) != 3:
        raise ValueError(f"it is GGUF version {version}, not 3")
    num_tensors, num_fields, alignment = header.number("Q"), header.number("Q"), 32
    for _ in range(num_fields):
        name, kind = header.text(), header.number("I")
        if name == "general.alignment":
            alignment = header.number("I")
        else:
            header.skip(kind)
    found: dict[str, _Place] = {}
    for _ in range(num_tensors):
        name, num_axes = header.text(), header.number("I")
        shape = tuple(header.number("Q") for _ in range(num_axes))[::-1]  # GGUF lists the innermost axis first
        found[name] = _Place(shape, header.number("I"), header.number("Q"))
    begin = -(-header.at // alignment) * alignment
    return {name: _Place(place.shape, place.kind, begin + place.start) for name, place in found.items()}


def _tensor(held: mmap, place: _Place) -> Tensor:
    """Return a tensor in its shape: quantized types as float32, other types unchanged."""
    count = prod(place.shape)
    if place.kind == _Q8_0:
        blocks = torch.frombuffer(held, dtype=torch.int8, offset=place.start, count=count // BLOCK * (2 + BLOCK))
        blocks = blocks.view(-1, 2 + BLOCK)
        scales = blocks[:, :2].contiguous().view(torch.float16).float()
        return (blocks[:, 2:] * scales).view(place.shape)
    if place.kind == _Q4_1:
        packed = torch.frombuffer(held, dtype=torch.uint8, offset=place.start, count=count // BLOCK * (4 + BLOCK // 2))
        packed = packed.view(-1, 4 + BLOCK // 2)
        step, least = packed[:, :4].contiguous().view(torch.float16).float().split(1, dim=1)
        nibbles = torch.cat([packed[:, 4:] & 15, packed[:, 4:] >> 4], dim=1)
        return (nibbles * step + least).view(place.shape)
    if place.kind not in _PLAIN:
        raise ValueError(f"GGUF type {place.kind} is not one of float32, float16, bfloat16, Q8_0 and Q4_1")
    return torch.frombuffer(held, dtype=_PLAIN[place.kind], offset=place.start, count=count).view(place.shape).clone()
