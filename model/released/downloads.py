"""The files that a user downloads, opened without reading them whole and without running any code inside them.

Every tensor that is returned here is mapped: its bytes are read when it is used, and forgotten with it.
"""

import json
import pickle
import re
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from model.errors import CheckpointError

Shape = tuple[int, ...]

_AGAIN = "Download it again"


@dataclass(frozen=True, slots=True, eq=False)
class WeightFile:
    """One file of tensors.

    Attributes:
        path: where it lies.
        shapes: of what it holds, by name.
        sizes: likewise, in bytes.
        tensors: opens it; what is returned keeps it open.
    """

    path: Path
    shapes: Mapping[str, Shape]
    sizes: Mapping[str, int]
    tensors: Callable[[], Mapping[str, Tensor]]

    @property
    def num_bytes(self) -> int:
        """Size on disk."""
        return self.path.stat().st_size


def weight_files(directory: Path, option: str) -> list[WeightFile]:
    """The weights in a directory of the Hugging Face layout, in the order of their files' names.

    Raises:
        CheckpointError: there are none, some are missing, or one is damaged.
    """
    for name in ("model.safetensors", "pytorch_model.bin"):
        if (directory / name).is_file():
            return [weight_file(directory / name)]
        index = directory / f"{name}.index.json"
        if index.is_file():
            places = read_json(index).get("weight_map")
            if not isinstance(places, dict):
                raise CheckpointError(f"{index} has no weight_map, which says where tensors are. {_AGAIN}.")
            names = sorted(set(places.values()))
            if missing := [name for name in names if not (directory / name).is_file()]:
                raise CheckpointError(
                    f"{option} {directory} lacks {', '.join(missing)}, which {index.name} names. Download them."
                )
            return [weight_file(directory / name) for name in names]
    raise CheckpointError(
        f"{option} {directory} holds no weights: model.safetensors or pytorch_model.bin, in one piece or in several "
        "with an index. Download the whole repository."
    )


def described(path: Path, tensors: Callable[[], Mapping[str, Tensor]]) -> WeightFile:
    """A file with what `tensors` finds in it."""
    found = tensors()
    shapes = {name: tuple(tensor.shape) for name, tensor in found.items()}
    return WeightFile(path, shapes, {name: tensor.nbytes for name, tensor in found.items()}, tensors)


def weight_file(path: Path) -> WeightFile:
    """A file of tensors and nothing else, safetensors or torch's.

    Raises:
        CheckpointError: it is damaged, or no such file.
    """

    def tensors() -> dict[str, Tensor]:
        held = read_safetensors(path) if path.suffix == ".safetensors" else read_torch(path)
        return tensors_of(held, path)

    return described(path, tensors)


def tensors_of(held: Any, path: Path) -> dict[str, Tensor]:
    """What is a dictionary of tensors, as one.

    Raises:
        CheckpointError: it is something else.
    """
    if not isinstance(held, dict) or not all(isinstance(value, Tensor) for value in held.values()):
        raise CheckpointError(f"{path} is no dictionary of tensors by name: give the file that its authors published.")
    return held


def read_torch(path: Path) -> Any:
    """What `torch.save` wrote.

    Raises:
        CheckpointError: the file is missing, cut off, damaged, or would need to run code.
    """
    head = _head(path)
    zipped = head.startswith(b"PK")
    if zipped and not zipfile.is_zipfile(path):  # a zip file's directory stands at its end
        raise CheckpointError(
            f"{path} is cut off after {path.stat().st_size:,} bytes: the download was interrupted. {_AGAIN}."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickles of other ages
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)  # old files cannot be mapped
    except pickle.UnpicklingError as error:
        code = re.search(r"GLOBAL ([\w.]+)", str(error))
        if code is None:
            raise CheckpointError(f"{path} is damaged, or was not written by torch.save. {_AGAIN}.") from None
        raise CheckpointError(
            f"{path} holds code ({code[1]}), and code in a download is never run. Save its tensors alone: "
            "torch.save({'cfg': ..., 'model': ...}, file)."
        ) from None
    except Exception as error:  # an unpickler may fail in any way on bytes that are no pickle
        raise CheckpointError(f"{path} is damaged, or was not written by torch.save ({error!r}). {_AGAIN}.") from None


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """What a safetensors file holds.

    Raises:
        CheckpointError: the file is missing, cut off or damaged.
    """
    _head(path)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{path} is cut off or damaged ({_first_line(error)}) at {path.stat().st_size:,} bytes. {_AGAIN}."
        ) from None


def read_config(directory: Path, option: str, wanted: str) -> dict[str, Any]:
    """The `config.json` of a directory of the Hugging Face layout. `wanted` says what should be there.

    Raises:
        CheckpointError: it is no such directory.
    """
    if directory.is_file():
        raise CheckpointError(f"{option} {directory} is a file; it takes a directory: {wanted}.")
    if not (directory / "config.json").is_file():
        raise CheckpointError(f"{option} {directory} has no config.json: give the whole directory of {wanted}.")
    return read_json(directory / "config.json")


def read_json(path: Path) -> dict[str, Any]:
    """An object in a JSON file.

    Raises:
        CheckpointError: it is none.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {_first_line(error)}. {_AGAIN}.") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} is no JSON object. {_AGAIN}.")
    return value


def _head(path: Path) -> bytes:
    """The first bytes, if they may be weights."""
    if not path.is_file():
        raise CheckpointError(f"{path} is {'a directory' if path.is_dir() else 'missing'}: give the file itself.")
    with path.open("rb") as file:
        head = file.read(64)
    if head.startswith(b"version https://git-lfs"):
        raise CheckpointError(f"{path} is a Git LFS pointer and not the file: run `git lfs pull` where it was cloned.")
    if head.lstrip().startswith(b"<"):
        raise CheckpointError(f"{path} is a web page and not the file: open its address in a browser, then download.")
    if not head:
        raise CheckpointError(f"{path} is empty. {_AGAIN}.")
    return head


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")
