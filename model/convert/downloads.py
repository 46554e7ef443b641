"""Opens downloaded weight files, without loading them completely and without running code inside them.

Returned tensors are memory-mapped: their bytes are read when they are used, and freed with them.
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
        path: path of the file.
        shapes: shape of each tensor, by name.
        sizes: size of each tensor in bytes, by name.
        tensors: opens the file; the returned tensors keep it open.
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
    """Return the weight files in a directory of the Hugging Face layout, sorted by file name.

    Raises:
        CheckpointError: there are no weights, some are missing, or a file is damaged.
    """
    for name in ("model.safetensors", "pytorch_model.bin"):
        if (directory / name).is_file():
            return [weight_file(directory / name)]
        index = directory / f"{name}.index.json"
        if index.is_file():
            places = read_json(index).get("weight_map")
            if not isinstance(places, dict):
                raise CheckpointError(f"{index} has no weight_map, which maps tensors to files. {_AGAIN}.")
            names = sorted(set(places.values()))
            if missing := [name for name in names if not (directory / name).is_file()]:
                raise CheckpointError(
                    f"{option} {directory} lacks {', '.join(missing)}, listed in {index.name}. Download them."
                )
            return [weight_file(directory / name) for name in names]
    raise CheckpointError(
        f"{option} {directory} holds no weights: model.safetensors or pytorch_model.bin, in one file or in several "
        "with an index. Download the whole repository."
    )


def described(path: Path, tensors: Callable[[], Mapping[str, Tensor]]) -> WeightFile:
    """Return a `WeightFile` that describes what `tensors` finds in the file."""
    found = tensors()
    shapes = {name: tuple(tensor.shape) for name, tensor in found.items()}
    return WeightFile(path, shapes, {name: tensor.nbytes for name, tensor in found.items()}, tensors)


def weight_file(path: Path) -> WeightFile:
    """Open a file that holds only tensors, in the safetensors or torch format.

    Raises:
        CheckpointError: it is missing or damaged, or does not hold only tensors.
    """

    def tensors() -> dict[str, Tensor]:
        held = read_safetensors(path) if path.suffix == ".safetensors" else read_torch(path)
        return tensors_of(held, path)

    return described(path, tensors)


def tensors_of(held: Any, path: Path) -> dict[str, Tensor]:
    """Return `held` if it is a dictionary of tensors.

    Raises:
        CheckpointError: it is something else.
    """
    if not isinstance(held, dict) or not all(isinstance(value, Tensor) for value in held.values()):
        raise CheckpointError(f"{path} is not a dictionary of named tensors: give the file that its authors published.")
    return held


def read_torch(path: Path) -> Any:
    """Return the object that `torch.save` wrote to a file.

    Raises:
        CheckpointError: the file is missing, cut off, damaged, or would need to run code.
    """
    head = _head(path)
    zipped = head.startswith(b"PK")
    if zipped and not zipfile.is_zipfile(path):  # the directory of a zip file is at its end
        raise CheckpointError(
            f"{path} is cut off after {path.stat().st_size:,} bytes: the download was interrupted. {_AGAIN}."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings about old pickle formats
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)  # old files cannot be mapped
    except pickle.UnpicklingError as error:
        code = re.search(r"GLOBAL ([\w.]+)", str(error))
        if code is None:
            raise CheckpointError(f"{path} is damaged, or was not written by torch.save. {_AGAIN}.") from None
        raise CheckpointError(
            f"{path} contains code ({code[1]}), and code in a download is never run. Save only its tensors: "
            "torch.save({'cfg': ..., 'model': ...}, file)."
        ) from None
    except Exception as error:  # an unpickler can raise anything on invalid bytes
        raise CheckpointError(f"{path} is damaged, or was not written by torch.save ({error!r}). {_AGAIN}.") from None


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors in a safetensors file.

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
    """Return the `config.json` of a directory of the Hugging Face layout. `wanted` describes the expected content.

    Raises:
        CheckpointError: it is not such a directory.
    """
    if directory.is_file():
        raise CheckpointError(f"{option} {directory} is a file; it takes a directory: {wanted}.")
    if not (directory / "config.json").is_file():
        raise CheckpointError(f"{option} {directory} has no config.json: give the whole directory of {wanted}.")
    return read_json(directory / "config.json")


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises:
        CheckpointError: it is not a JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {_first_line(error)}. {_AGAIN}.") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} is not a JSON object. {_AGAIN}.")
    return value


def _head(path: Path) -> bytes:
    """Return the first bytes of a file, unless it clearly does not hold weights."""
    if not path.is_file():
        raise CheckpointError(f"{path} is {'a directory' if path.is_dir() else 'missing'}: give the file itself.")
    with path.open("rb") as file:
        head = file.read(64)
    if head.startswith(b"version https://git-lfs"):
        raise CheckpointError(f"{path} is a Git LFS pointer, not the file: run `git lfs pull` where you cloned it.")
    if head.lstrip().startswith(b"<"):
        raise CheckpointError(f"{path} is a web page, not the file: open its address in a browser, then download it.")
    if not head:
        raise CheckpointError(f"{path} is empty. {_AGAIN}.")
    return head


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")
