"""`timeaudio pack`: write a smaller copy of a checkpoint for serving."""

import dataclasses
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from gguf import GGMLQuantizationType, GGUFWriter
from torch import nn

from model.adapter import pack_adapter
from model.checkpoint import ADAPTER, TRANSCRIBER, load_checkpoint, save_checkpoint
from model.errors import CheckpointError
from model.gguf_tensors import GGUF_FILE, write_tensors
from model.hub import fetch_checkpoint
from model.language.gguf_writing import write_gguf
from model.timeaudio import TimeAudio

Llm = Literal["q4_1", "q8_0", "float16", "bfloat16", "float32"]
Others = Literal["q8_0", "float16", "bfloat16", "float32"]
Words = Literal["q4_1", "q5_1", "q8_0"]

PARTS = {
    "llm": "language model",
    "adapter": "adapter",
    "speech_encoder": "speech encoder",
    "sound_encoder": "sound encoder",
    "transcriber": "transcriber",
}
"""Names of a checkpoint's folders; the files outside them are the connector and the tokenizer."""


@dataclass(frozen=True, slots=True)
class Packed:
    """The sizes before and after packing.

    Attributes:
        before: bytes of each part of the original checkpoint, and their sum under "all".
        after: the same for the copy.
    """

    before: Mapping[str, int]
    after: Mapping[str, int]


def pack(
    checkpoint: Path, out: Path, *, llm: Llm = "q8_0", others: Others = "float16", transcriber: Words | None = None
) -> Packed:
    """Write a copy of a checkpoint with its weights in fewer bits.

    `llm` is for the language model, which must be a Llama for `q4_1` (5 bits per weight) and `q8_0` (8.5 bits); its
    embedding takes 8.5 bits and its norms 32 in both. An adapter is merged, except into `q4_1`, whose rounding is as
    coarse as an adapter's changes: there it stays separate. `others` is for the encoders and a separate adapter, and
    for the transcriber unless `transcriber` is given (`q5_1`: 6 bits); the connector never takes fewer than 16. A
    packed language model computes in the fastest precision of the device. Other files, such as a calibration, are
    copied unchanged: rounding changes answers little, but measure it.

    Raises:
        CheckpointError: `out` exists, the checkpoint is incomplete, its language model does not support `llm`, or a
            number is too large for `others`.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CheckpointError(f"--out {out} exists: remove it, or give another directory.")
    checkpoint = fetch_checkpoint(checkpoint)
    model, tokenizer = load_checkpoint(checkpoint, adapted=llm != "q4_1")
    dtype: torch.dtype = getattr(torch, others, torch.float16)
    _require_finite(model, dtype)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        folder = Path(scratch) / out.name
        save_checkpoint(folder, model, tokenizer, dtype=dtype, llm_dtype=getattr(torch, llm, None))
        if llm in ("q4_1", "q8_0"):
            dataclasses.replace(model.config, language_dtype="auto").write(folder / "config.json")
            _delete_weights(folder / "llm")
            write_gguf(folder / "llm" / GGUF_FILE, model.llm, tokenizer, llm)
        _pack_encoders(model, folder, others, transcriber)
        if llm == "q4_1" and (checkpoint / ADAPTER).is_dir():
            copy = pack_adapter if others == "q8_0" else shutil.copytree
            copy(checkpoint / ADAPTER, folder / ADAPTER)
        for file in checkpoint.iterdir():
            if file.is_file() and not (folder / file.name).exists():
                shutil.copyfile(file, folder / file.name)
        if (card := folder / "README.md").is_file():
            note = f"\nPacked by `timeaudio pack`: the language model in {llm}, the encoders in {others}.\n"
            card.write_text(card.read_text(encoding="utf-8") + note, encoding="utf-8")
        if out.exists():
            out.rmdir()
        folder.rename(out)
    return Packed(sizes(checkpoint), sizes(out))


def _pack_encoders(model: TimeAudio, folder: Path, others: Others, transcriber: Words | None) -> None:
    if others == "q8_0":
        _pack_part(folder / "speech_encoder", model.speech.encoder, others)
        _pack_part(folder / "sound_encoder", model.sound, others)
        transcriber = transcriber or others
    if model.transcriber is not None and transcriber is not None:
        _pack_part(folder / TRANSCRIBER, model.transcriber, transcriber)


def _pack_part(folder: Path, module: nn.Module, kind: Words) -> None:
    """Replace the weights of a part by blocks of a kind."""
    _delete_weights(folder)
    tensors = module.state_dict()
    bits = dict.fromkeys(tensors, GGMLQuantizationType[kind.upper()])
    write_tensors(GGUFWriter(folder / GGUF_FILE, folder.name), tensors, bits)


def sizes(checkpoint: Path) -> dict[str, int]:
    """Return the bytes of each named part of a checkpoint, and of all of it."""
    found = dict.fromkeys([*PARTS.values(), "connector and tokenizer"], 0)
    for file in checkpoint.rglob("*"):
        if file.is_file():
            folder = file.relative_to(checkpoint).parts[0]
            found[PARTS.get(folder, "connector and tokenizer")] += file.stat().st_size
    return found | {"all": sum(found.values())}


def _delete_weights(folder: Path) -> None:
    for file in folder.glob("*.safetensors*"):
        file.unlink()


def _require_finite(model: TimeAudio, dtype: torch.dtype) -> None:
    for name, tensor in model.state_dict().items():
        if name.startswith("llm.") or not tensor.is_floating_point():
            continue
        if not tensor.to(dtype).isfinite().all():
            raise CheckpointError(f"{name} has numbers too large for {dtype}: give --others bfloat16 or float32.")
