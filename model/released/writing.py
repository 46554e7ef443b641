"""The parts of a checkpoint as files of weights that are written one by one: what goes where, before it is done."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Final

import torch
from torch import Tensor

from model.released.downloads import Shape
from model.released.nets import Net
from model.released.shards import MOST_SHARD_BYTES, Unfinished, packed

Change = Callable[[str, Tensor | None], Tensor]
"""A tensor of the result from its name, and from the file's tensor if the file has it."""

Progress = Callable[[int, str], None]
"""Called with the bytes of a file that is done, and its name."""

INDEX: Final = "llm/model.safetensors.index.json"


@dataclass(frozen=True)
class PlannedFile:
    """A file of weights before it is written.

    Attributes:
        name: inside the checkpoint.
        num_bytes: its size, without its header.
        names: of its tensors.
        make: its tensors; called only if the file is not there yet.
    """

    name: str
    num_bytes: int
    names: Sequence[str]
    make: Callable[[], dict[str, Tensor]]


def whole_file(name: str, tensors: Mapping[str, Tensor]) -> PlannedFile:
    """A file of tensors that are there already, or mapped, each in its own precision."""
    size = sum(t.nbytes for t in tensors.values())
    return PlannedFile(name, size, list(tensors), lambda: {n: t.contiguous().clone() for n, t in tensors.items()})


def net_file(name: str, net: Net, replaced: dict[str, Tensor]) -> PlannedFile:
    """A net as it is in its files, each tensor in its own precision, some of them replaced."""
    names = list(net.shapes)

    def make() -> dict[str, Tensor]:
        return {name: tensor.contiguous().clone() for name, tensor in (net.read(names) | replaced).items()}

    return PlannedFile(name, net.num_bytes, names, make)


def language_files(net: Net, shapes: Mapping[str, Shape], dtype: torch.dtype, change: Change) -> list[PlannedFile]:
    """A language model in shards, no larger than the largest file that it is read from, nor than 1 GiB.

    `shapes` says what the result holds: what the net does not have is made from nothing by `change`. Tensors keep the
    order of the net's files, so that one of them is open at a time.
    """
    limit = min(MOST_SHARD_BYTES, net.largest_file_bytes)
    order = [name for name in net.shapes if name in shapes] + [name for name in shapes if name not in net.shapes]
    runs = list(packed(order, lambda name: prod(shapes[name]) * dtype.itemsize, limit))

    def maker(names: list[str]) -> Callable[[], dict[str, Tensor]]:
        def make() -> dict[str, Tensor]:
            read = net.read(names)
            return {name: change(name, read.pop(name, None)).to(dtype).contiguous().clone() for name in names}

        return make

    return [
        PlannedFile(
            f"llm/model-{number:05}-of-{len(runs):05}.safetensors",
            sum(prod(shapes[name]) * dtype.itemsize for name in names),
            names,
            maker(names),
        )
        for number, names in enumerate(runs, 1)
    ]


def language_index(files: Sequence[PlannedFile]) -> dict[str, object]:
    """The library's index of a language model in shards."""
    shards = [file for file in files if file.name.startswith("llm/")]
    return {
        "metadata": {"total_size": sum(file.num_bytes for file in shards)},
        "weight_map": {name: file.name.removeprefix("llm/") for file in shards for name in file.names},
    }


def write_files(files: Sequence[PlannedFile], place: Unfinished, progress: Progress) -> int:
    """Every file that is not there yet. Returns how many were there, whole, from before."""
    kept = 0
    for file in files:
        if place.has(file.name):
            kept += 1
        else:
            place.write(file.name, file.make())
        progress(file.num_bytes, file.name)
    return kept
