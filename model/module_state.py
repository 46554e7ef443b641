"""Load the state of a module strictly, from safetensors or GGUF."""

from collections.abc import Iterable
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor, nn

from model.errors import CheckpointError, MissingWeights, UnexpectedWeights
from model.gguf_tensors import gguf_files, read_tensors


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    try:
        return load_file(path)
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing.") from None
    except Exception as error:
        raise CheckpointError(f"{path} cannot be read ({error}): copy it again.") from None


def load_tensors(module: nn.Module, path: Path) -> None:
    """Load a module's state, with exactly its keys, from a safetensors file or from a GGUF file next to it.

    Raises:
        CheckpointError: the file is missing or damaged, keys are missing or unexpected, or a shape differs.
    """
    packed = gguf_files(path.parent)
    tensors = _unpacked(module, read_tensors(packed)) if packed else read_safetensors(path)
    expected = module.state_dict()
    _require(expected.keys() - tensors.keys(), tensors.keys() - expected.keys(), path)
    wrong = [k for k, t in tensors.items() if t.shape != expected[k].shape]
    if wrong:
        key = wrong[0]
        raise CheckpointError(
            f"{path}: {key} is {list(tensors[key].shape)}, the config asks for {list(expected[key].shape)}"
            f" ({len(wrong)} tensors differ)."
        )
    module.load_state_dict(tensors)


def _unpacked(module: nn.Module, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Restore the shape of a convolution's kernel: GGUF holds it as a matrix."""
    shapes = {name: tensor.shape for name, tensor in module.state_dict().items()}
    return {
        name: tensor.view(shapes[name]) if name in shapes and shapes[name].numel() == tensor.numel() else tensor
        for name, tensor in tensors.items()
    }


def _require(missing: Iterable[str], unexpected: Iterable[str], path: Path) -> None:
    if missing := sorted(missing):
        raise MissingWeights(missing, where=str(path))
    if unexpected := sorted(unexpected):
        raise UnexpectedWeights(unexpected, where=str(path))
