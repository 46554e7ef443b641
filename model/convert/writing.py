"""Plans the weight files of a checkpoint, and writes them one by one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Final

import torch
from torch import Tensor

from model.convert.downloads import Shape
from model.convert.nets import Net
from model.convert.shards import MOST_SHARD_BYTES, PartialDirectory, packed

Change = Callable[[str, Tensor | None], Tensor]
"""Returns a tensor of the result, given its name and the file's tensor (None if the file lacks it)."""

Progress = Callable[[int, str], None]
"""Called with the size in bytes of a finished file, and its name."""

INDEX: Final = "llm/model.safetensors.index.json"


@dataclass(frozen=True)
class PlannedFile:
    """A weight file before it is written.

    Attributes:
        name: path inside the checkpoint.
        num_bytes: its size, without its header.
        names: names of its tensors.
        make: returns its tensors; called only if the file does not exist yet.
    """

    name: str
    num_bytes: int
    names: Sequence[str]
    make: Callable[[], dict[str, Tensor]]


def whole_file(name: str, tensors: Mapping[str, Tensor]) -> PlannedFile:
    """Plan a file of tensors that are in memory or memory-mapped, each in its own precision."""
    size = sum(t.nbytes for t in tensors.values())
    return PlannedFile(name, size, list(tensors), lambda: {n: t.contiguous().clone() for n, t in tensors.items()})


def net_file(name: str, net: Net, replaced: dict[str, Tensor]) -> PlannedFile:
    """Plan a file with all tensors of a net, each in its own precision, some of them replaced."""
    names = list(net.shapes)

    def make() -> dict[str, Tensor]:
        return {name: tensor.contiguous().clone() for name, tensor in (net.read(names) | replaced).items()}

    return PlannedFile(name, net.num_bytes, names, make)


def language_files(net: Net, shapes: Mapping[str, Shape], dtype: torch.dtype, change: Change) -> list[PlannedFile]:
    """Plan a language model in shards of at most 1 GiB, and at most the size of its largest source file.

    `shapes` gives the tensors of the result. `change` creates those that the net lacks. Tensors keep the order of the
    net's files, so that only one file is open at a time.
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
    """Return the library's index of a language model in shards."""
    shards = [file for file in files if file.name.startswith("llm/")]
    return {
        "metadata": {"total_size": sum(file.num_bytes for file in shards)},
        "weight_map": {name: file.name.removeprefix("llm/") for file in shards for name in file.names},
    }


def write_files(files: Sequence[PlannedFile], place: PartialDirectory, progress: Progress) -> int:
    """Write every file that does not exist yet. Return how many complete files already existed."""
    kept = 0
    for file in files:
        if place.has(file.name):
            kept += 1
        else:
            place.write(file.name, file.make())
        progress(file.num_bytes, file.name)
    return kept
