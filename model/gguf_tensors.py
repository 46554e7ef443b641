"""Reads and writes tensors in GGUF, llama.cpp's file format, in 4 or 8 bits per number.

Q8_0: 32 consecutive values of a row share a float16 scale, max(|x|) / 127; each value is an integer multiple of it.
Q4_1: 32 consecutive values share a float16 step and a float16 minimum; each value is the minimum plus 0 to 15 steps.

Source: ggml, docs/gguf.md, version 3; ggml-quants.c.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from model.errors import CheckpointError
from model.gguf_header import Stored, stored_tensors

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType, GGUFWriter

GGUF_FILE = "model.gguf"
MOST_BYTES = 45_000_000
"""Size above which a file is split, as llama.cpp splits: model-00001-of-00002.gguf, ..."""
BLOCK = 32
"""Values per scale."""
_F32, _F16, _Q4_1, _Q8_0 = 0, 1, 3, 8
"""Numbers of `GGMLQuantizationType`."""
_BLOCK_BYTES = {_Q4_1: 20, _Q8_0: 34}
_AT_ONCE = 4096
"""Blocks unpacked at once."""


def gguf_files(directory: Path) -> list[Path]:
    """Return the GGUF file of a directory, or all parts of a split one; none if there is none."""
    return sorted(directory.glob(f"{Path(GGUF_FILE).stem}*.gguf"))


def read_tensors(paths: Sequence[Path]) -> dict[str, Tensor]:
    """Return the tensors of a file, or of all parts of a split one, as float32.

    Raises:
        CheckpointError: a file is damaged, missing, or has tensor types that the library does not know.
    """
    found: dict[str, Tensor] = {}
    for path in paths:
        try:
            for stored in stored_tensors(path):
                found[stored.name] = torch.from_numpy(_unpacked(stored)).view(stored.shape)
        except (OSError, ValueError, IndexError, KeyError, OverflowError, NotImplementedError, struct.error) as error:
            raise CheckpointError(f"{path} cannot be read ({error}): copy it again.") from None
    return found


def _unpacked(stored: Stored) -> np.ndarray:
    """Return the numbers of a tensor as a float32 vector, equal to those of the `gguf` library, which is slower."""
    size = math.prod(stored.shape)
    if stored.kind in _BLOCK_BYTES and stored.shape[-1] % BLOCK == 0:
        return _unpacked_blocks(_cut(stored, size // BLOCK * _BLOCK_BYTES[stored.kind]), stored.kind)
    if stored.kind == _F32:
        return _cut(stored, 4 * size).view(np.float32).copy()
    if stored.kind == _F16:
        return _cut(stored, 2 * size).view(np.float16).astype(np.float32)
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quants  # a type that TimeAudio does not write

    kind = GGMLQuantizationType(stored.kind)
    per_block, num_bytes = GGML_QUANT_SIZES[kind]
    rows = _cut(stored, size // per_block * num_bytes).reshape(-1, stored.shape[-1] // per_block * num_bytes)
    return np.array(quants.dequantize(rows, kind), dtype=np.float32).reshape(-1)


def _cut(stored: Stored, num_bytes: int) -> np.ndarray:
    if len(stored.data) < num_bytes:
        raise ValueError(f"{stored.name} goes beyond the end of the file")
    return stored.data[:num_bytes]


def _unpacked_blocks(data: np.ndarray, kind: int) -> np.ndarray:
    """Return the numbers of Q8_0 or Q4_1 blocks, computed in pieces that fit into a processor's cache."""
    blocks = data.reshape(-1, _BLOCK_BYTES[kind])
    found = np.empty((len(blocks), BLOCK), dtype=np.float32)
    for begin in range(0, len(blocks), _AT_ONCE):
        piece, out = blocks[begin : begin + _AT_ONCE], found[begin : begin + _AT_ONCE]
        step = piece[:, :2].copy().view(np.float16).astype(np.float32)
        if kind == _Q8_0:
            np.multiply(piece[:, 2:].view(np.int8), step, out=out)
        else:
            np.multiply(piece[:, 4:] & 0x0F, step, out=out[:, : BLOCK // 2])
            np.multiply(piece[:, 4:] >> 4, step, out=out[:, BLOCK // 2 :])
            out += piece[:, 2:4].copy().view(np.float16).astype(np.float32)
    return found.reshape(-1)


def write_tensors(
    writer: "GGUFWriter", tensors: Mapping[str, Tensor], bits: "Mapping[str, GGMLQuantizationType]"
) -> None:
    """Add tensors to a file and finish it.

    Matrices are quantized as `bits` says, or to Q8_0, if their row length is a multiple of 32; others become float16.
    Vectors stay float32. A convolution's kernel is stored as a matrix, one row per output channel.
    """
    from gguf import GGMLQuantizationType, quants  # here because serving needs only the reader

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
