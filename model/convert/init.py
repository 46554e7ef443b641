"""`timeaudio init`: builds a checkpoint ready for training, from pretrained nets and a new connector.

It takes any causal language model of the transformers library, any Whisper, and BEATs, aiSFX or YAMNet, complete or
reduced. It adds the markers to the tokenizer and initialises their rows by Eq. 1. As in the paper, the connector can
start from a SALMONN checkpoint, whose adapters are merged if the language model is the one that it was trained with.
What TimeAudio added to SALMONN starts untrained.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from transformers import PretrainedConfig

from model.config import ModelConfig
from model.connector.connector import Connector
from model.convert.card import native_card
from model.convert.compare import compare
from model.convert.cuts import WHOLE, Cuts, first_layers, first_pieces, fresh_qformer, some_layers
from model.convert.importer import Precision
from model.convert.keys import merged
from model.convert.layout import Layout, Start, WriteResult, silent
from model.convert.nets import (
    Net,
    SoundConfig,
    open_aisfx,
    open_language,
    open_sound,
    open_speech,
    open_trained,
    open_yamnet,
)
from model.convert.salmonn import Adapters, salmonn_adapters, salmonn_connector, salmonn_qformer
from model.convert.shape_check import (
    ExpectedShapes,
    embedding_names,
    meta_language_model,
    needs,
    require_fit,
)
from model.convert.writing import Change, language_files, net_file, whole_file
from model.encoders.fuse import Fusion
from model.errors import CheckpointError
from model.language.markers import with_markers
from model.language.tokenizer import Tokenizer, library_tokenizer

SEED = 0
"""Seed of the random initialisation: the same parts give the same checkpoint, byte for byte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeParts:
    """Paths of the parts.

    Attributes:
        llm: a directory of the Hugging Face layout.
        whisper: a directory of the Hugging Face layout.
        beats: the file that BEATs' authors publish. Give this, `aisfx` or `yamnet`.
        aisfx: a file of the tensors of aiSFX's network.
        yamnet: YAMNet in a TensorFlow Lite file.
        salmonn: a SALMONN checkpoint to start the connector from.
    """

    llm: Path
    whisper: Path
    beats: Path | None = None
    aisfx: Path | None = None
    yamnet: Path | None = None
    salmonn: Path | None = None


def init_native(
    parts: NativeParts,
    out: Path,
    *,
    dtype: Precision = "bfloat16",
    num_heads: int | None = None,
    cuts: Cuts = WHOLE,
    pad: bool = True,
    start: Start = silent,
) -> WriteResult:
    """Write a checkpoint directory with native settings, or resume an interrupted call.

    The arguments are those of `import_released`, and:

    Args:
        cuts: how the parts are reduced.
        pad: whether segments are padded to 30 s for the speech encoder, as Whisper was trained.

    Raises:
        CheckpointError: a file or option is wrong. Nothing is written then.
    """
    llm, llm_config = open_language(parts.llm)
    speech, speech_config = open_speech(parts.whisper)
    kind, sound, sound_config = _open_sound(parts)
    _require_whole_for_salmonn(parts, cuts)
    speech, fresh_norm = first_layers(speech, speech_config, cuts.whisper_layers)
    llm = some_layers(llm, llm_config, cuts.llm_layers)
    tokenizer = Tokenizer(first_pieces(library_tokenizer(parts.llm), cuts.llm_vocabulary))
    trained = None if parts.salmonn is None else open_trained(parts.salmonn, "--from-salmonn")
    config = ModelConfig(
        name=out.resolve().name,
        tasks=cuts.tasks,
        sound_encoder=kind,
        pad_segments=pad,
        language_dtype=dtype,
        qformer=salmonn_qformer(trained, num_heads) if trained else fresh_qformer(cuts.connector_dim, num_heads),
    )
    names = embedding_names(meta_language_model(llm_config))
    num_rows = cuts.llm_vocabulary or llm.shapes.get(names[0], (int(llm_config.vocab_size),))[0]
    # A matrix may have more rows than the tokenizer has pieces. The extra rows stay; markers take the first of them.
    llm_config.vocab_size = max(num_rows, len(tokenizer))
    need = needs(config, speech_config, sound_config, llm_config)
    grown = {name: (llm_config.vocab_size, *shape[1:]) for name, shape in llm.shapes.items() if name in names}
    require_fit(
        [
            *compare(need.speech, speech.shapes, parts.whisper),
            *compare(need.sound, sound.shapes, sound.origin),
            *compare(need.llm, {n: grown.get(n, s) for n, s in llm.shapes.items() if n not in need.tied}, parts.llm),
        ],
        "Download the whole repository again.",
    )
    connector = fresh_connector(config, need, llm_config)
    if trained is not None:
        connector |= salmonn_connector(trained, connector)

    adapters = {} if trained is None else salmonn_adapters(trained, llm)
    files = [
        whole_file("model.safetensors", connector),
        net_file("sound_encoder/model.safetensors", sound, {}),
        net_file("speech_encoder/model.safetensors", speech, fresh_norm),
        *language_files(llm, need.llm, getattr(torch, dtype), _change(names, tokenizer, adapters, num_rows)),
    ]
    layout = Layout(
        config=config,
        speech=speech_config,
        sound=sound_config,
        llm=llm_config,
        tokenizer=tokenizer,
        card=native_card(config.name, _sources(parts, bool(adapters)), dtype, cuts.described()),
    )
    read = [file.path for net in (llm, speech, sound) for file in net.files]
    read += [] if parts.salmonn is None else [parts.salmonn]
    choices = {"dtype": dtype, "heads": num_heads, "cuts": dataclasses.asdict(cuts), "pad": pad}
    return layout.write(out, files, read, start, **choices)


def _open_sound(parts: NativeParts) -> tuple[Literal["beats", "aisfx", "yamnet"], Net, SoundConfig]:
    """Open the given sound encoder.

    Raises:
        CheckpointError: none was given, or several.
    """
    match parts.beats, parts.aisfx, parts.yamnet:
        case Path() as path, None, None:
            return "beats", *open_sound(path)
        case None, Path() as path, None:
            return "aisfx", *open_aisfx(path)
        case None, None, Path() as path:
            return "yamnet", *open_yamnet(path)
    given = "one of them is needed" if (parts.beats, parts.aisfx, parts.yamnet) == (None, None, None) else "not several"
    raise CheckpointError(f"Give the sound encoder as --beats FILE, --aisfx FILE or --yamnet FILE: {given}.")


def _require_whole_for_salmonn(parts: NativeParts, cuts: Cuts) -> None:
    if parts.salmonn is not None and (cuts != WHOLE or parts.beats is None):
        raise CheckpointError(
            "--from-salmonn is for whole parts and BEATs, which SALMONN was trained with: leave it out, or leave out "
            "--aisfx, --yamnet, --whisper-layers, --llm-layers, --llm-vocabulary and --connector-dim."
        )


def _sources(parts: NativeParts, adapters: bool) -> dict[str, Path]:
    """Return the source of each part, for the model card."""
    named = {
        "llm": parts.llm, "whisper": parts.whisper, "beats": parts.beats, "aisfx": parts.aisfx, "yamnet": parts.yamnet,
    }  # fmt: skip
    given = {part: path for part, path in named.items() if path is not None}
    if parts.salmonn is not None:
        given["connector, except new parts"] = parts.salmonn
        if adapters:
            given["adapters, merged"] = parts.salmonn
    return given


def fresh_connector(config: ModelConfig, need: ExpectedShapes, llm: PretrainedConfig) -> dict[str, Tensor]:
    """Return the tensors of an untrained connector, with the names in `model.safetensors`."""
    dims = [need.connector[f"fusion.{side}_norm.weight"][0] for side in ("speech", "sound")]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        fusion = Fusion(*dims)
        connector = Connector(config, fusion.dim, llm.hidden_size)
    state = {f"fusion.{name}": t for name, t in fusion.state_dict().items()}
    state |= {f"connector.{name}": t for name, t in connector.state_dict().items()}
    assert state.keys() == need.connector.keys()
    return state


def _change(names: tuple[str, ...], tokenizer: Tokenizer, adapters: Adapters, num_rows: int) -> Change:
    def change(name: str, tensor: Tensor | None) -> Tensor:
        assert tensor is not None, f"{name} is missing in spite of the checks"
        if name in names:
            return with_markers(tensor[:num_rows], tokenizer)
        adapter = adapters.get(f"llm.{name}")
        return tensor if adapter is None else merged(tensor.float(), *adapter)

    return change
