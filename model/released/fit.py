"""Whether four downloads belong together: every tensor's name and shape, against the architecture that they ask for."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PretrainedConfig, PreTrainedModel, WhisperConfig

from model.config import ModelConfig
from model.encoders.aisfx import AisfxConfig, AisfxEncoder
from model.encoders.beats import BEATs, BEATsConfig
from model.encoders.whisper import SpeechEncoder
from model.errors import CheckpointError, WeightFault, WeightsDoNotFit
from model.released.compare import compare
from model.released.downloads import Shape
from model.released.keys import Renamed
from model.timeaudio import TimeAudio

ADAPTED = ("q_proj", "v_proj")
"""What the released adapters change in every layer. Source: paper, "Implementation Details"."""

NEEDED = (
    "connector.qformer.query",
    "connector.qformer.layers.0.expand.bias",
    "connector.projection.weight",
    "fusion.speech_norm.weight",
    "fusion.sound_norm.weight",
)
"""Without these there is no telling what a file's sizes are."""

TIME = "connector.time_encoding.weight"


@dataclass(frozen=True)
class Needs:
    """What each part of a checkpoint holds, by name, from a model of the right sizes without weights.

    Attributes:
        embeddings: the names of the embedding and of the head in `llm`; one, if they are tied.
        tied: other names of the same matrices, which files may hold too.
    """

    speech: dict[str, Shape]
    sound: dict[str, Shape]
    connector: dict[str, Shape]
    llm: dict[str, Shape]
    embeddings: tuple[str, ...]
    tied: frozenset[str]


def needs(config: ModelConfig, speech: WhisperConfig, sound: BEATsConfig | AisfxConfig, llm: PretrainedConfig) -> Needs:
    """The shapes of a checkpoint with these configs."""
    with torch.device("meta"):
        hears = AisfxEncoder(sound) if isinstance(sound, AisfxConfig) else BEATs(sound)
        net = TimeAudio(config, SpeechEncoder(speech), hears, meta_language_model(llm))
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

    return Needs(
        speech=part("speech.encoder."),
        sound=part("sound."),
        connector=part("fusion.", keep="fusion.") | part("connector.", keep="connector."),
        llm={name: shape for name, shape in part("llm.").items() if name not in tied},
        embeddings=embeddings,
        tied=tied,
    )


def meta_language_model(config: PretrainedConfig) -> PreTrainedModel:
    """A language model of a config's sizes, on torch's device without memory.

    Raises:
        CheckpointError: the config is no causal language model's.
    """
    try:
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except ValueError as error:
        raise CheckpointError(
            f"A {config.model_type} is no causal language model of the library: {str(error).splitlines()[0]}"
        ) from None


def embedding_names(llm: PreTrainedModel) -> tuple[str, ...]:
    """The names of the embedding's matrix and of the head's; the first alone, if they are tied."""
    matrices = [llm.get_input_embeddings().weight, llm.get_output_embeddings().weight]
    names = [next(n for n, p in llm.named_parameters(remove_duplicate=False) if p is matrix) for matrix in matrices]
    return tuple(dict.fromkeys(names))


def _names_of_head(llm: PreTrainedModel) -> list[str]:
    head = llm.get_output_embeddings().weight
    return [name for name, p in llm.named_parameters(remove_duplicate=False) if p is head]


def require_parts(renamed: Renamed, path: Path, needed: tuple[str, ...] = (*NEEDED, TIME)) -> None:
    """A file holds enough of the connector to tell its sizes from: the `needed` tensors.

    Raises:
        WeightsDoNotFit: it is an adapter alone, SALMONN's, or something else.
    """
    missing = [name for name in needed if name not in renamed.tensors]
    if not missing:
        return
    if missing == [TIME]:
        fix = "It looks like SALMONN's: `timeaudio init --from-salmonn FILE` starts a training from it."
    elif renamed.adapters:
        fix = "It holds adapters without the Q-Former: give the whole .pth file that the authors publish."
    else:
        fix = "Give the .pth file that TimeAudio's authors publish."
    raise WeightsDoNotFit((WeightFault("missing", str(path), name, "needed") for name in missing), fix=fix)


def adapter_shapes(renamed: Renamed) -> dict[str, Shape]:
    """Both halves of every adapter, by our names."""
    halves = ((name.removesuffix("weight"), pair) for name, pair in renamed.adapters.items())
    return {f"{name}lora_{half}": tuple(t.shape) for name, pair in halves for half, t in zip("AB", pair, strict=True)}


def needed_adapters(llm: Mapping[str, Shape], theirs: Mapping[str, Any]) -> dict[str, Shape]:
    """Both halves of the adapters that a released config asks for, by our names; `llm` as in `Needs`."""
    rank = int(theirs.get("lora_rank", 8))
    shapes: dict[str, Shape] = {}
    for name, shape in llm.items() if theirs.get("lora", True) else ():
        if name.endswith(tuple(f".{matrix}.weight" for matrix in ADAPTED)):
            matrix = f"llm.{name.removesuffix('weight')}lora_"
            shapes |= {matrix + "A": (rank, shape[1]), matrix + "B": (shape[0], rank)}
    return shapes


def checkpoint_faults(renamed: Renamed, need: Needs, theirs: Mapping[str, Any], path: Path) -> Iterator[WeightFault]:
    """What is wrong with a released file beside what its parts are for.

    It holds the connector, the embedding, the head and the adapters. Whatever else of the encoders and the language
    model it holds must have its place, and need not be there.
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
    """There are no faults.

    Raises:
        WeightsDoNotFit: there are.
    """
    if found := list(faults):
        raise WeightsDoNotFit(found, fix=fix)
