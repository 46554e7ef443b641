"""Opens the four downloads and checks what they are; an error names the likely mistake."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import AutoConfig, PretrainedConfig, WhisperConfig

from model.convert.configs import beats_config
from model.convert.downloads import (
    Shape,
    WeightFile,
    described,
    read_config,
    read_torch,
    tensors_of,
    weight_file,
    weight_files,
)
from model.convert.keys import RenamedState, rename
from model.convert.tflite_file import read_convolutions
from model.encoders.aisfx import AisfxConfig
from model.encoders.beats import BEATsConfig
from model.encoders.yamnet import YamnetConfig
from model.errors import CheckpointError

SoundConfig = BEATsConfig | AisfxConfig | YamnetConfig
"""The sizes of a sound encoder that can be opened."""

BEATS_FILE = "BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2.pt"
WHISPER = "Whisper (config.json, model.safetensors), as openai/whisper-large-v2 is downloaded from the Hugging Face hub"
LANGUAGE_MODEL = (
    "a causal language model (config.json, weights, tokenizer), as lmsys/vicuna-7b-v1.5 is downloaded from the "
    "Hugging Face hub"
)


class Net:
    """A pretrained net in its files, with the tensor names of our checkpoints.

    Attributes:
        origin: the given directory or file.
        shapes: shape of each tensor, in the order of the files.
        num_bytes: total size of its tensors.
    """

    def __init__(self, origin: Path, files: Iterable[WeightFile], our_name: Callable[[str], str | None]) -> None:
        self.origin = origin
        self.files = tuple(files)
        self._our_name = our_name
        self._places = {
            ours: (file, theirs) for file in self.files for theirs in file.shapes if (ours := our_name(theirs))
        }
        self.shapes: dict[str, Shape] = {ours: file.shapes[theirs] for ours, (file, theirs) in self._places.items()}
        self.num_bytes = sum(file.sizes[theirs] for file, theirs in self._places.values())

    def renamed(self, again: Callable[[str], str | None]) -> "Net":
        """Return the same files with renamed tensors. `again` maps current names to new ones; None drops a tensor."""

        def our_name(theirs: str) -> str | None:
            ours = self._our_name(theirs)
            return None if ours is None else again(ours)

        return Net(self.origin, self.files, our_name)

    @property
    def largest_file_bytes(self) -> int:
        """Size of the largest file."""
        return max(file.num_bytes for file in self.files)

    def read(self, names: Sequence[str]) -> dict[str, Tensor]:
        """Return the tensors of these names, memory-mapped from their files. Unknown names are left out."""
        found: dict[str, Tensor] = {}
        places = {name: self._places[name] for name in names if name in self._places}
        for file in dict.fromkeys(file for file, _ in places.values()):
            tensors = file.tensors()
            found |= {name: tensors[theirs] for name, (owner, theirs) in places.items() if owner is file}
        return found


def open_speech(directory: Path) -> tuple[Net, WhisperConfig]:
    """Open Whisper's encoder, of any size, in a directory of the Hugging Face layout.

    Raises:
        CheckpointError: it is something else, incomplete or damaged.
    """
    config = read_config(directory, "--whisper", WHISPER)
    _require_kind(config, directory, "--whisper", {"whisper"}, WHISPER)

    def our_name(theirs: str) -> str | None:
        name = theirs.removeprefix("model.")
        return name.removeprefix("encoder.") if name.startswith("encoder.") else None

    return Net(directory, weight_files(directory, "--whisper"), our_name), WhisperConfig.from_dict(config)


def open_sound(path: Path) -> tuple[Net, BEATsConfig]:
    """Open BEATs, in the file that its authors publish: a dictionary of `cfg` and `model`.

    Raises:
        CheckpointError: it is something else, or damaged.
    """
    held = read_torch(path)
    if not isinstance(held, dict) or not isinstance(held.get("cfg"), dict) or "model" not in held:
        if isinstance(held, dict) and "model" in held and held.keys() & {"config", "optimizer", "epoch"}:
            raise CheckpointError(
                f"--beats {path} is a checkpoint of TimeAudio or SALMONN: give {BEATS_FILE} here, and this file as "
                "--checkpoint (or --from-salmonn)."
            )
        raise CheckpointError(
            f"--beats {path} has no cfg, which gives its sizes: give {BEATS_FILE} as its authors publish it, a "
            "dictionary of cfg and model."
        )

    def tensors() -> dict[str, Tensor]:
        return tensors_of(read_torch(path)["model"], path)

    net = Net(path, [described(path, tensors)], lambda name: None if name.startswith("predictor.") else name)
    return net, beats_config(held["cfg"])


def open_aisfx(path: Path) -> tuple[Net, AisfxConfig]:
    """Open aiSFX's network in a file of its tensors. Classifiers in the file are left out.

    Raises:
        CheckpointError: it is something else, or damaged.
    """

    def our_name(theirs: str) -> str | None:
        name = theirs.removeprefix("embedding_net.")
        return name if name.startswith("conv_block") else None

    net = Net(path, [weight_file(path)], our_name)
    blocks = [net.shapes.get(f"conv_block{number}.conv2.weight") for number in (1, 2, 3, 4)]
    if None in blocks:
        raise CheckpointError(
            f"--aisfx {path} is not aiSFX's network: give its tensors, conv_block1.conv1.weight and so on, as a file "
            "of safetensors."
        )
    return net, AisfxConfig(channels=tuple(shape[0] for shape in blocks if shape is not None))


def open_yamnet(path: Path) -> tuple[Net, YamnetConfig]:
    """Open YAMNet's network in a TensorFlow Lite file. Its last layers and its classifier are left out.

    Raises:
        CheckpointError: it is something else, or damaged.
    """
    config = YamnetConfig()
    before = (1, *config.channels)
    shapes: list[tuple[str, Shape]] = [("first", (config.channels[0], 1, 3, 3))]
    for number, (dim_in, dim) in enumerate(zip(before[1:], config.channels[1:], strict=False)):
        shapes += [(f"depthwise.{number}", (dim_in, 1, 3, 3)), (f"pointwise.{number}", (dim, dim_in, 1, 1))]
    held = read_convolutions(path)[: len(shapes)]
    if [tuple(weight.shape) for weight, _ in held] != [shape for _, shape in shapes]:
        raise CheckpointError(f"--yamnet {path} is not YAMNet: its convolutions have other sizes. Give yamnet.tflite.")
    state = {
        f"{name}.{part}": tensor
        for (name, _), pair in zip(shapes, held, strict=True)
        for part, tensor in zip(("weight", "bias"), pair, strict=True)
    }
    return Net(path, [described(path, lambda: state)], lambda name: name), config


def open_language(directory: Path) -> tuple[Net, PretrainedConfig]:
    """Open a causal language model in a directory of the Hugging Face layout.

    Raises:
        CheckpointError: it is something else, incomplete or damaged.
    """
    config = read_config(directory, "--llm", LANGUAGE_MODEL)
    if config.get("model_type") == "whisper":
        raise CheckpointError(f"--llm {directory} is a Whisper: give it as --whisper, and here {LANGUAGE_MODEL}.")
    try:
        kind = AutoConfig.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"--llm {directory} is not a model that transformers supports: {error}") from None
    # Files of older versions also hold rotary frequencies, which are computed from the config.
    net = Net(directory, weight_files(directory, "--llm"), lambda n: None if n.endswith("rotary_emb.inv_freq") else n)
    return net, kind


@dataclass(frozen=True, slots=True)
class Trained:
    """A checkpoint file of the authors' training code.

    Attributes:
        path: path of the file.
        theirs: the `model` part of its config.
        state: all tensors by their names, memory-mapped.
        renamed: the same tensors by our names.
    """

    path: Path
    theirs: Mapping[str, Any]
    state: Mapping[str, Tensor]
    renamed: RenamedState


def open_trained(path: Path, option: str = "--checkpoint") -> Trained:
    """Open a checkpoint of TimeAudio, or of SALMONN (whose config may be missing).

    Raises:
        CheckpointError: it is something else, or damaged.
    """
    held = read_torch(path)
    if isinstance(held, dict) and "cfg" in held:
        raise CheckpointError(f"{option} {path} is a BEATs file: give it as --beats, and here the authors' checkpoint.")
    if not isinstance(held, dict) or not isinstance(held.get("model"), dict):
        raise CheckpointError(
            f"{option} {path} is not a checkpoint of the authors' training, a dictionary of model, config and more: "
            "adapters or tensors alone do not say what they belong to. Give the .pth file that they publish."
        )
    config = held.get("config")
    theirs = config.get("model") if isinstance(config, dict) else None
    if not isinstance(theirs, dict):
        if option == "--checkpoint":
            raise CheckpointError(
                f"{option} {path} has no config, which says how it was trained: give the .pth file as its authors "
                "publish it, a dictionary of model, config and more."
            )
        theirs = {}
    state = tensors_of(held["model"], path)
    return Trained(path, theirs, state, rename(state))


def _require_kind(config: Mapping[str, Any], path: Path, option: str, kinds: set[str], wanted: str) -> None:
    kind = config.get("model_type")
    if kind not in kinds:
        raise CheckpointError(f"{option} {path} holds a model of type {kind!r}: give the directory of {wanted}.")
