"""Reads and writes tensors in GGUF, llama.cpp's file format, in 4, 5 or 8 bits per number.

Q8_0: 32 consecutive values of a row share a float16 scale, max(|x|) / 127; each value is an integer multiple of it.
Q4_1: 32 consecutive values share a float16 step and a float16 minimum; each value is the minimum plus 0 to 15 steps.
Q5_1: the same with up to 31 steps.

Source: ggml, docs/gguf.md, version 3; ggml-quants.c.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter, quants
from torch import Tensor

from model.errors import CheckpointError

GGUF_FILE = "model.gguf"
MOST_BYTES = 45_000_000
"""Size above which a file is split, as llama.cpp splits: model-00001-of-00002.gguf, ..."""
BLOCK = 32
"""Values per scale."""


GROUP_BYTES = 65_536
"""Bytes of a row of `_dequantized`; the library converts 16 rows at a time."""


class _Reader(GGUFReader):
    """Reads from a plain array: slices of a memory map take three times as long, and a vocabulary has 50,000."""

    @property
    def data(self) -> Any:
        """The bytes of the file."""
        return self._bytes

    @data.setter
    def data(self, mapped: Any) -> None:
        self._bytes = np.asarray(mapped)


def gguf_files(directory: Path) -> list[Path]:
    """Return the GGUF file of a directory, or all parts of a split one; an empty list if there is none."""
    return sorted(directory.glob(f"{Path(GGUF_FILE).stem}*.gguf"))


def read_tensors(paths: Sequence[Path]) -> dict[str, Tensor]:
    """Return the tensors of a file, or of all parts of a split one, as float32.

    Raises:
        CheckpointError: a file is damaged, missing, or has tensor types that the library does not know.
    """
    found: dict[str, Tensor] = {}
    for path in paths:
        try:
            for held in _Reader(path).tensors:
                shape = [int(size) for size in reversed(held.shape)]  # GGUF lists the innermost axis first
                found[held.name] = torch.from_numpy(_dequantized(held.data, held.tensor_type)).view(shape)
        # The library raises NotImplementedError for types that it cannot dequantize, the others for damaged files.
        except (OSError, ValueError, IndexError, KeyError, OverflowError, NotImplementedError) as error:
            raise CheckpointError(f"{path} cannot be read ({error}): copy it again.") from None
    return found


def _dequantized(stored: np.ndarray, kind: GGMLQuantizationType) -> np.ndarray:
    """Return the values as float32. Short rows are joined, which changes nothing: blocks never cross rows."""
    rows = np.atleast_2d(stored)
    while len(rows) % 2 == 0 and rows.nbytes < GROUP_BYTES * len(rows):
        rows = rows.reshape(len(rows) // 2, -1)
    values: np.ndarray = quants.dequantize(rows, kind)
    return values if values.flags.writeable else values.copy()  # unquantized values are still the file's


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
