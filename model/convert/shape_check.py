"""Checks that four downloads belong together, by comparing tensor names and shapes with their architecture."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PretrainedConfig, PreTrainedModel, WhisperConfig

from model.config import ModelConfig
from model.convert.compare import compare
from model.convert.downloads import Shape
from model.convert.keys import RenamedState
from model.convert.nets import SoundConfig
from model.encoders.aisfx import AisfxConfig, AisfxEncoder
from model.encoders.beats import BEATs
from model.encoders.whisper import SpeechEncoder
from model.encoders.yamnet import YamnetConfig, YamnetEncoder
from model.errors import CheckpointError, WeightFault, WeightsDoNotFit
from model.timeaudio import SoundEncoder, TimeAudio

ADAPTED = ("q_proj", "v_proj")
"""Matrices that the released adapters change in every layer. Source: paper, "Implementation Details"."""

NEEDED = (
    "connector.qformer.query",
    "connector.qformer.layers.0.expand.bias",
    "connector.projection.weight",
    "fusion.speech_norm.weight",
    "fusion.sound_norm.weight",
)
"""Tensors that are needed to determine the sizes of a checkpoint."""

TIME = "connector.time_encoding.weight"


@dataclass(frozen=True)
class ExpectedShapes:
    """The tensor shapes of each part of a checkpoint, by name, from a model of the right sizes without weights.

    Attributes:
        embeddings: the names of the embedding and of the head in `llm`; only one if they are tied.
        tied: other names of the same matrices, which files may also contain.
    """

    speech: dict[str, Shape]
    sound: dict[str, Shape]
    connector: dict[str, Shape]
    llm: dict[str, Shape]
    embeddings: tuple[str, ...]
    tied: frozenset[str]


def _sound_encoder(config: SoundConfig) -> SoundEncoder:
    match config:
        case AisfxConfig():
            return AisfxEncoder(config)
        case YamnetConfig():
            return YamnetEncoder(config)
    return BEATs(config)


def needs(config: ModelConfig, speech: WhisperConfig, sound: SoundConfig, llm: PretrainedConfig) -> ExpectedShapes:
    """Return the tensor shapes of a checkpoint with these configs."""
    with torch.device("meta"):
        net = TimeAudio(config, SpeechEncoder(speech), _sound_encoder(sound), meta_language_model(llm))
    shapes = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
    embeddings = embedding_names(net.llm)
    tied = frozenset(_names_of_head(net.llm)) - set(embeddings)

    def part(*prefixes: str, keep: str = "") -> dict[str, Shape]:
        return {
            keep + name.removeprefix(prefix): shape
            for prefix in prefixes
            for name, shape in shapes.items()
            if name.startswith(prefix)
        }

    return ExpectedShapes(
        speech=part("speech.encoder."),
        sound=part("sound."),
        connector=part("fusion.", keep="fusion.") | part("connector.", keep="connector."),
        llm={name: shape for name, shape in part("llm.").items() if name not in tied},
        embeddings=embeddings,
        tied=tied,
    )


def meta_language_model(config: PretrainedConfig) -> PreTrainedModel:
    """Create a language model without weights from a config, on torch's meta device.

    Raises:
        CheckpointError: the config is not that of a causal language model.
    """
    try:
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except ValueError as error:
        raise CheckpointError(
            f"{config.model_type} is not a causal language model of the library: {str(error).splitlines()[0]}"
        ) from None


def embedding_names(llm: PreTrainedModel) -> tuple[str, ...]:
    """Return the names of the embedding's and the head's matrices; only the first if they are tied."""
    matrices = [llm.get_input_embeddings().weight, llm.get_output_embeddings().weight]
    names = [next(n for n, p in llm.named_parameters(remove_duplicate=False) if p is matrix) for matrix in matrices]
    return tuple(dict.fromkeys(names))


def _names_of_head(llm: PreTrainedModel) -> list[str]:
    head = llm.get_output_embeddings().weight
    return [name for name, p in llm.named_parameters(remove_duplicate=False) if p is head]


def require_parts(renamed: RenamedState, path: Path, needed: tuple[str, ...] = (*NEEDED, TIME)) -> None:
    """Check that a file has the `needed` tensors, which give the sizes of the connector.

    Raises:
        WeightsDoNotFit: they are missing: the file holds only adapters, or is SALMONN's or another file.
    """
    missing = [name for name in needed if name not in renamed.tensors]
    if not missing:
        return
    if missing == [TIME]:
        fix = "It looks like SALMONN's: `timeaudio init --from-salmonn FILE` starts training from it."
    elif renamed.adapters:
        fix = "It has adapters without the Q-Former: give the whole .pth file that the authors publish."
    else:
        fix = "Give the .pth file that TimeAudio's authors publish."
    raise WeightsDoNotFit((WeightFault("missing", str(path), name, "required") for name in missing), fix=fix)


def adapter_shapes(renamed: RenamedState) -> dict[str, Shape]:
    """Return the shapes of both halves of every adapter, by our names."""
    halves = ((name.removesuffix("weight"), pair) for name, pair in renamed.adapters.items())
    return {f"{name}lora_{half}": tuple(t.shape) for name, pair in halves for half, t in zip("AB", pair, strict=True)}


def needed_adapters(llm: Mapping[str, Shape], theirs: Mapping[str, Any]) -> dict[str, Shape]:
    """Return the shapes of both halves of the adapters in a released config, by our names; see `ExpectedShapes`."""
    rank = int(theirs.get("lora_rank", 8))
    shapes: dict[str, Shape] = {}
    for name, shape in llm.items() if theirs.get("lora", True) else ():
        if name.endswith(tuple(f".{matrix}.weight" for matrix in ADAPTED)):
            matrix = f"llm.{name.removesuffix('weight')}lora_"
            shapes |= {matrix + "A": (rank, shape[1]), matrix + "B": (shape[0], rank)}
    return shapes


def checkpoint_faults(
    renamed: RenamedState, need: ExpectedShapes, theirs: Mapping[str, Any], path: Path
) -> Iterator[WeightFault]:
    """Yield the differences between a released file and the parts that it is for.

    It must hold the connector, the embedding, the head and the adapters. Other tensors of the encoders and the language
    model are optional, but must have the right shapes.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in renamed.tensors.items()}
    held = shapes | adapter_shapes(renamed)
    frozen = (
        {f"speech.encoder.{name}": shape for name, shape in need.speech.items()}
        | {f"sound.{name}": shape for name, shape in need.sound.items()}
        | {f"llm.{name}": shape for name, shape in need.llm.items()}
    )
    own = need.connector | {f"llm.{name}": need.llm[name] for name in need.embeddings}
    expected = own | needed_adapters(need.llm, theirs) | {n: s for n, s in frozen.items() if n in held}
    yield from compare(expected, held, path)
    for name in renamed.unknown:
        yield WeightFault("unexpected", str(path), name, "no part of a released TimeAudio has this name")


def require_fit(faults: Iterable[WeightFault], fix: str) -> None:
    """Check that there are no faults.

    Raises:
        WeightsDoNotFit: there are faults.
    """
    if found := list(faults):
        raise WeightsDoNotFit(found, fix=fix)
