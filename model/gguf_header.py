"""Lists the tensors of a GGUF file without reading its other fields.

A language model's file also holds its vocabulary, tens of thousands of strings, which the `gguf` library turns into
arrays one by one: that takes longer than reading all weights.

Source: ggml, docs/gguf.md, versions 2 and 3, little-endian.
"""

import math
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of a field, by its type."""
_UINT32, _STRING, _ARRAY = 4, 8, 9
_ALIGNMENT = b"general.alignment"


class Stored(NamedTuple):
    """A tensor in a file.

    Attributes:
        name: unique in its file.
        shape: outermost axis first.
        kind: the number of a `GGMLQuantizationType`.
        data: uint8, from the first byte of the tensor to the end of the file; mapped, not read.
    """

    name: str
    shape: tuple[int, ...]
    kind: int
    data: np.ndarray


class _Cursor:
    """Reads a file's header from front to back."""

    def __init__(self, held: memoryview) -> None:
        self._held = held
        self.offset = 0

    def numbers(self, kinds: str) -> tuple[Any, ...]:
        layout = struct.Struct(f"<{kinds}")
        found = layout.unpack_from(self._held, self.offset)
        self.offset += layout.size
        return found

    def text(self) -> bytes:
        (size,) = self.numbers("Q")
        self.offset += size
        if self.offset > len(self._held):
            raise ValueError("a string goes beyond the end of the file")
        return bytes(self._held[self.offset - size : self.offset])

    def skip(self, kind: int) -> None:
        if kind == _STRING:
            self.text()
        elif kind == _ARRAY:
            inner, count = self.numbers("IQ")
            if inner == _STRING:
                for _ in range(count):
                    self.text()
            else:
                self.offset += count * _SIZES[inner]
        else:
            self.offset += _SIZES[kind]


def stored_tensors(path: Path) -> Sequence[Stored]:
    """Return the tensors of a GGUF file, in its order.

    Raises:
        ValueError, KeyError, OSError, struct.error: the file is damaged, or of another version.
    """
    mapped = np.memmap(path, mode="r").view(np.ndarray)  # slices of a memmap are slow
    cursor = _Cursor(mapped.data)
    magic, version, num_tensors, num_fields = cursor.numbers("4sIQQ")
    if magic != b"GGUF":
        raise ValueError("it is not a GGUF file")
    if version not in (2, 3):
        raise ValueError(f"it is a GGUF file of version {version}; only 2 and 3 are supported")
    alignment = 32
    for _ in range(num_fields):
        name, (kind,) = cursor.text(), cursor.numbers("I")
        if name == _ALIGNMENT and kind == _UINT32:
            (alignment,) = cursor.numbers("I")
        else:
            cursor.skip(kind)
    entries = []
    for _ in range(num_tensors):
        name, (num_axes,) = cursor.text(), cursor.numbers("I")
        shape = tuple(reversed(cursor.numbers(f"{num_axes}Q")))  # the innermost axis comes first
        entries.append((name.decode(), shape, *cursor.numbers("IQ")))
    if len({name for name, *_ in entries}) < len(entries):
        raise ValueError("two tensors have the same name")
    begin = math.ceil(cursor.offset / alignment) * alignment
    return [Stored(name, shape, kind, mapped[begin + offset :]) for name, shape, kind, offset in entries]
