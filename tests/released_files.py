"""A small state dict of the released code, and the four files that a user downloads, in their real layout."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.convert.importer import Downloads

DATA = Path(__file__).parent / "parity" / "data"

HEADS = 4
"""Number of heads of the small Q-Former, which no released file contains."""

_LANGUAGE = "llama_model.base_model.model."
_TRAINED = (_LANGUAGE + "model.embed_tokens", _LANGUAGE + "lm_head")


@dataclass(frozen=True)
class Parts:
    """A complete state dict with the authors' names, their configs and a sentencepiece file."""

    state: dict[str, Tensor]
    configs: dict[str, Any]
    tokenizer: Path


@lru_cache
def released_parts() -> Parts:
    """Return random weights, the same ones that `tests/parity` uses."""
    configs = json.loads((DATA / "tiny_configs.json").read_text())
    return Parts(load_file(DATA / "weights.safetensors"), configs, DATA / "tokenizer.model")


def is_in_checkpoint(name: str) -> bool:
    """Return whether a stage-2 file of the released code contains a tensor, see `real_keys.json`."""
    if name.startswith(_LANGUAGE):
        return name.startswith(_TRAINED) or ".lora_" in name or name.endswith("inv_freq")
    if name.startswith("beats."):
        return "relative_attention_bias" in name
    return not name.startswith("speech_encoder.")


def write_downloads(
    folder: Path,
    *,
    shards: Literal["safetensors", "bin"] = "safetensors",
    change: Callable[[dict[str, Tensor]], object] = lambda state: None,
    beside: Mapping[str, Any] | None = None,
) -> Downloads:
    """Write Whisper, BEATs, the language model and the authors' checkpoint in their original layouts.

    `change` may edit the tensors of the checkpoint, and `beside` replaces the other entries of its file.
    """
    parts = released_parts()
    state, configs = parts.state, parts.configs
    found = Downloads(
        whisper=folder / "whisper-large-v2",
        beats=folder / "BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2.pt",
        llm=folder / "vicuna-7b-v1.5",
        checkpoint=folder / "timeaudio.pth",
    )
    write_whisper(found.whisper, state, configs)
    beats = {n.removeprefix("beats."): t for n, t in state.items() if n.startswith("beats.")}
    classifier = {"predictor.weight": torch.zeros(527, 48), "predictor.bias": torch.zeros(527)}
    torch.save({"cfg": configs["beats"], "model": beats | classifier}, found.beats)
    write_language_model(found.llm, state, configs, shards)
    trained = {name: tensor for name, tensor in state.items() if is_in_checkpoint(name)}
    change(trained)
    usual = {
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(8)}}, "param_groups": [{"lr": 1e-5, "params": [0]}]},
        "config": {"model": configs["model"], "run": {"epochs": 6}, "datasets": {"whisper_path": "whisper-large-v2"}},
        "scaler": {"scale": 65536.0},
        "epoch": 5,
    }
    torch.save({"model": trained} | (usual if beside is None else dict(beside)), found.checkpoint)
    return found


def write_whisper(folder: Path, state: Mapping[str, Tensor], configs: Mapping[str, Any]) -> None:
    """Write Whisper, with a tensor of the decoder too, as in the original files."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(configs["whisper"]))
    (folder / "preprocessor_config.json").write_text(json.dumps(configs["whisper_preprocessor"]))
    encoder = {n.replace("speech_encoder.", "model.encoder."): t for n, t in state.items() if "speech_encoder." in n}
    save_file(encoder | {"model.decoder.layer_norm.weight": torch.ones(64)}, folder / "model.safetensors")


def write_language_model(
    folder: Path, state: Mapping[str, Tensor], configs: Mapping[str, Any], shards: Literal["safetensors", "bin"]
) -> None:
    """Write two shards and their index. Embedding and head have 620 rows, as before the markers were added."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(configs["llama"]))
    shutil.copy(DATA / "tokenizer.model", folder)
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names | {"tokenizer_class": "LlamaTokenizer"}))
    weights = {
        name.removeprefix(_LANGUAGE).replace(".base_layer.", "."): tensor
        for name, tensor in state.items()
        if name.startswith(_LANGUAGE) and not is_in_checkpoint(name)
    }
    weights |= {"model.embed_tokens.weight": torch.ones(620, 64), "lm_head.weight": torch.ones(620, 64)}
    if shards == "bin":  # older files contain these too
        weights["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(8)
    stem, save = ("pytorch_model", torch.save) if shards == "bin" else ("model", save_file)
    order = sorted(weights)
    halves = (order[: len(order) // 2], order[len(order) // 2 :])
    files = {f"{stem}-{n:05}-of-00002.{shards}": half for n, half in enumerate(halves, 1)}
    for file, names_of_half in files.items():
        save({name: weights[name] for name in names_of_half}, folder / file)
    index = {"metadata": {}, "weight_map": {name: file for file, half in files.items() for name in half}}
    (folder / f"{stem}.{shards}.index.json").write_text(json.dumps(index))
