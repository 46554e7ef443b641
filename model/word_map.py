"""Maps words to directions of audio tokens: a linear map of word embeddings, fitted to how people name sounds.

An audio token resembles the name of a sound ("dog"), because the connector was aligned to names. People write "a hound
baying". The map turns the embeddings of such words towards the name. It also holds the mean audio token of many
recordings. Audio tokens are compared with words relative to it.

Source: ours, docs/decisions/0045; `timeaudio calibrate` fits it.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.errors import CheckpointError


@dataclass(frozen=True, slots=True)
class WordMap:
    """The direction of words is `weight` times their mean embedding, plus `bias`.

    Attributes:
        weight, bias: the map. Embeddings are relative to the mean of the vocabulary.
        centre: the mean audio token of many recordings.
    """

    weight: Float[Tensor, "dim dim"]
    bias: Float[Tensor, " dim"]
    centre: Float[Tensor, " dim"]

    def __call__(self, words: Float[Tensor, " dim"]) -> Float[Tensor, " dim"]:
        """Return the direction of words, of length 1, given their mean embedding relative to that of the vocabulary."""
        return F.normalize(self.weight @ words + self.bias, dim=0)

    def to(self, device: torch.device) -> "WordMap":
        """Return the map on a device."""
        return WordMap(self.weight.to(device), self.bias.to(device), self.centre.to(device))

    @classmethod
    def read(cls, path: Path, dim: int) -> "WordMap":
        """Read `words.safetensors` of a checkpoint whose language model has embeddings of `dim` numbers.

        Raises:
            CheckpointError: the file is missing, damaged, or of another language model.
        """
        try:
            tensors = load_file(path)
            found = cls(tensors["weight"].float(), tensors["bias"].float(), tensors["centre"].float())
            if (found.weight.shape, found.bias.shape, found.centre.shape) != ((dim, dim), (dim,), (dim,)):
                raise ValueError(f"it is not for embeddings of {dim} numbers")
        except FileNotFoundError:
            raise CheckpointError(f"{path} is missing: recreate it with timeaudio calibrate.") from None
        except Exception as error:  # safetensors raises its own errors for damaged files
            raise CheckpointError(f"{path} cannot be used ({error}): recreate it with timeaudio calibrate.") from None
        return found

    def write(self, path: Path) -> None:
        """Write the file that `read` reads; the weight in float16."""
        tensors = {"weight": self.weight.half(), "bias": self.bias.float(), "centre": self.centre.float()}
        save_file({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, path, {"format": "pt"})
        path.chmod(0o644)  # the library lets only the owner read; a server may run as another user
