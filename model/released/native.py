"""`timeaudio init`: a checkpoint of full size, ready for training, from pretrained nets and a fresh connector.

Any causal language model of the transformers library, any Whisper, and BEATs. The markers are added to the tokenizer
that is there; their rows start as Eq. 1 says. A SALMONN checkpoint gives the connector (and, to the language model that
it was trained with, its adapters) the start that the paper's has; what TimeAudio added to SALMONN starts fresh.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from transformers import PretrainedConfig

from model.config import ModelConfig, QFormerConfig, WindowConfig
from model.connector.connector import Connector
from model.encoders.fuse import Fusion
from model.errors import CheckpointError
from model.language.markers import with_markers
from model.language.tokenizer import Tokenizer, library_tokenizer
from model.released.card import native_card
from model.released.compare import compare
from model.released.configs import qformer_config
from model.released.downloads import Shape
from model.released.fit import (
    NEEDED,
    Needs,
    adapter_shapes,
    embedding_names,
    meta_language_model,
    needs,
    require_fit,
    require_parts,
)
from model.released.importer import Precision
from model.released.keys import merged
from model.released.layout import Layout, Start, Written, silent
from model.released.nets import Net, Trained, open_language, open_sound, open_speech, open_trained
from model.released.writing import Change, language_files, net_file, whole_file

Adapters = dict[str, tuple[tuple[Tensor, Tensor], float]]
"""Our name of a matrix -> both halves of what is added to it, and their scale."""

SEED = 0
"""Of what starts at random: the same parts make the same checkpoint, byte for byte."""

FRESH = ("connector.time_encoding.weight", "connector.qformer.frame_positions")
"""What TimeAudio, and what this project, added to SALMONN."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeParts:
    """Where the parts lie.

    Attributes:
        llm: a directory of the Hugging Face layout.
        whisper: a directory of the Hugging Face layout.
        beats: the file that BEATs' authors publish.
        salmonn: a SALMONN checkpoint to start the connector from.
    """

    llm: Path
    whisper: Path
    beats: Path
    salmonn: Path | None = None


def init_native(
    parts: NativeParts,
    out: Path,
    *,
    dtype: Precision = "bfloat16",
    num_heads: int | None = None,
    start: Start = silent,
) -> Written:
    """Write a checkpoint directory with native settings, or go on where an earlier call was stopped.

    Arguments as for `import_released`.

    Raises:
        CheckpointError: something is not what it should be. Nothing is written then.
    """
    llm, llm_config = open_language(parts.llm)
    speech, speech_config = open_speech(parts.whisper)
    sound, sound_config = open_sound(parts.beats)
    tokenizer = Tokenizer(library_tokenizer(parts.llm))
    trained = None if parts.salmonn is None else open_trained(parts.salmonn, "--from-salmonn")
    config = ModelConfig(
        name=out.resolve().name,
        tasks=("dense_caption", "ground", "summarize", "ask"),
        sound_encoder="beats",
        pad_segments=True,
        language_dtype=dtype,
        qformer=QFormerConfig() if trained is None else _qformer(trained, num_heads),
    )
    names = embedding_names(meta_language_model(llm_config))
    num_rows = llm.shapes.get(names[0], (int(llm_config.vocab_size),))[0]
    # A matrix may be padded beyond its tokenizer: those rows stay, markers take the first of them.
    llm_config.vocab_size = max(num_rows, len(tokenizer))
    need = needs(config, speech_config, sound_config, llm_config)
    grown = {name: (llm_config.vocab_size, *shape[1:]) for name, shape in llm.shapes.items() if name in names}
    require_fit(
        [
            *compare(need.speech, speech.shapes, parts.whisper),
            *compare(need.sound, sound.shapes, parts.beats),
            *compare(need.llm, {n: grown.get(n, s) for n, s in llm.shapes.items() if n not in need.tied}, parts.llm),
        ],
        "Download the repository again, whole.",
    )
    connector = fresh_connector(config, need, speech_config.d_model, sound_config.encoder_embed_dim, llm_config)
    if trained is not None:
        connector |= salmonn_connector(trained, connector)

    adapters = {} if trained is None else _adapters_of(trained, llm)
    files = [
        whole_file("model.safetensors", connector),
        net_file("sound_encoder/model.safetensors", sound, {}),
        net_file("speech_encoder/model.safetensors", speech, {}),
        *language_files(llm, need.llm, getattr(torch, dtype), _change(names, tokenizer, adapters)),
    ]
    layout = Layout(
        config=config,
        speech=speech_config,
        sound=sound_config,
        llm=llm_config,
        tokenizer=tokenizer,
        card=native_card(config.name, _sources(parts, bool(adapters)), dtype),
    )
    read = [file.path for net in (llm, speech, sound) for file in net.files]
    read += [] if parts.salmonn is None else [parts.salmonn]
    return layout.write(out, files, read, start, dtype=dtype)


def _sources(parts: NativeParts, adapters: bool) -> dict[str, Path]:
    """What came from where, for the card."""
    given = {"llm": parts.llm, "whisper": parts.whisper, "beats": parts.beats}
    if parts.salmonn is not None:
        given["connector, but what is new"] = parts.salmonn
        if adapters:
            given["adapters, merged"] = parts.salmonn
    return given


def _qformer(trained: Trained, num_heads: int | None) -> QFormerConfig:
    """The size of SALMONN's Q-Former, in native mode."""
    require_parts(trained.renamed, trained.path, needed=NEEDED)
    theirs = qformer_config(trained.renamed.tensors, num_heads)
    return dataclasses.replace(theirs, frame_positions=True, self_attention="segment")


def fresh_connector(
    config: ModelConfig, need: Needs, speech_dim: int, sound_dim: int, llm: PretrainedConfig
) -> dict[str, Tensor]:
    """A connector that has heard nothing, with the names of `model.safetensors`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        fusion = Fusion(speech_dim, sound_dim)
        connector = Connector(config, fusion.dim, llm.hidden_size)
    state = {f"fusion.{name}": t for name, t in fusion.state_dict().items()}
    state |= {f"connector.{name}": t for name, t in connector.state_dict().items()}
    assert state.keys() == need.connector.keys()
    return state


def salmonn_connector(trained: Trained, fresh: dict[str, Tensor]) -> dict[str, Tensor]:
    """What a SALMONN checkpoint gives to a connector; the projection only if the language model is as wide as its own.

    Raises:
        WeightsDoNotFit: it was trained on other encoders, or its Q-Former has another size.
        CheckpointError: its windows have another length.
    """
    seconds = float(trained.theirs.get("second_per_window", 1 / 3))
    if round(seconds * 50) != WindowConfig().num_frames:
        raise CheckpointError(f"--from-salmonn {trained.path} has windows of {seconds:g} s; ours have 0.34 s.")
    given = {
        name: tensor.float()
        for name, tensor in trained.renamed.tensors.items()
        if name.startswith(("fusion.", "connector.")) and name not in FRESH
    }
    width = len(fresh["connector.projection.bias"])
    if len(given.get("connector.projection.bias", ())) != width:
        given = {name: tensor for name, tensor in given.items() if not name.startswith("connector.projection.")}
    expected = {n: tuple(t.shape) for n, t in fresh.items() if n not in FRESH and "projection" not in n}
    found = {n: tuple(t.shape) for n, t in given.items() if "projection" not in n}
    require_fit(
        compare(expected, found, trained.path),
        "SALMONN was trained on whisper-large-v2 and BEATs iter3+: give these, or leave --from-salmonn out.",
    )
    return given


def _change(names: tuple[str, ...], tokenizer: Tokenizer, adapters: Adapters) -> Change:
    def change(name: str, tensor: Tensor | None) -> Tensor:
        assert tensor is not None, f"{name} was checked to be there"
        if name in names:
            return with_markers(tensor, tokenizer)
        adapter = adapters.get(f"llm.{name}")
        return tensor if adapter is None else merged(tensor.float(), *adapter)

    return change


def _adapters_of(trained: Trained, llm: Net) -> Adapters:
    """SALMONN's adapters if all are for matrices of this language model: Vicuna's are, another family's differ."""
    halves: dict[str, Shape] = adapter_shapes(trained.renamed)
    for name in trained.renamed.adapters:
        matrix = llm.shapes.get(name.removeprefix("llm."))
        stem = name.removesuffix("weight")
        if matrix is None or (halves[stem + "lora_B"][0], halves[stem + "lora_A"][1]) != matrix:
            return {}
    alpha = float(trained.theirs.get("lora_alpha", 32))
    return {name: (pair, alpha / len(pair[0])) for name, pair in trained.renamed.adapters.items()}
