"""`timeaudio pack`: write a smaller copy of a checkpoint for serving."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from model.checkpoint import load_checkpoint, save_checkpoint
from model.errors import CheckpointError
from model.language.gguf_file import GGUF_FILE
from model.language.gguf_writing import write_gguf
from model.timeaudio import TimeAudio

Precision = Literal["float16", "bfloat16", "float32"]
Bits = Literal["q8_0", "float16", "bfloat16", "float32"]

PARTS = {"llm": "language model", "speech_encoder": "speech encoder", "sound_encoder": "sound encoder"}
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


def pack(checkpoint: Path, out: Path, *, llm: Bits = "q8_0", others: Precision = "float16") -> Packed:
    """Write a copy of a checkpoint with its weights in fewer bits. An adapter is merged.

    In `q8_0` the language model's matrices take 8.5 bits per weight and its norms are float32 (see
    `model/language/gguf_file.py`); only Llama models support it. `others` applies to the encoders and the connector.
    Other files, such as a calibration, are copied unchanged: rounding changes answers little, but measure it.

    Raises:
        CheckpointError: `out` exists, the checkpoint is incomplete, its language model does not support `llm`, or a
            number is too large for `others`.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CheckpointError(f"--out {out} exists: remove it, or give another directory.")
    model, tokenizer = load_checkpoint(checkpoint)
    dtype: torch.dtype = getattr(torch, others)
    _require_finite(model, dtype)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        folder = Path(scratch) / out.name
        save_checkpoint(folder, model, tokenizer, dtype=dtype, llm_dtype=getattr(torch, llm, None))
        if llm == "q8_0":
            for file in (folder / "llm").glob("*.safetensors*"):
                file.unlink()
            write_gguf(folder / "llm" / GGUF_FILE, model.llm, tokenizer)
        for file in checkpoint.iterdir():
            if file.is_file() and not (folder / file.name).exists():
                shutil.copyfile(file, folder / file.name)
        if (card := folder / "README.md").is_file():
            told = f"\nPacked by `timeaudio pack`: the language model in {llm}, everything else in {others}.\n"
            card.write_text(card.read_text(encoding="utf-8") + told, encoding="utf-8")
        if out.exists():
            out.rmdir()
        folder.rename(out)
    return Packed(sizes(checkpoint), sizes(out))


def sizes(checkpoint: Path) -> dict[str, int]:
    """Return the bytes of each named part of a checkpoint, and of all of it."""
    found = dict.fromkeys([*PARTS.values(), "connector and tokenizer"], 0)
    for file in checkpoint.rglob("*"):
        if file.is_file():
            folder = file.relative_to(checkpoint).parts[0]
            found[PARTS.get(folder, "connector and tokenizer")] += file.stat().st_size
    return found | {"all": sum(found.values())}


def _require_finite(model: TimeAudio, dtype: torch.dtype) -> None:
    for name, tensor in model.state_dict().items():
        if name.startswith("llm.") or not tensor.is_floating_point():
            continue
        if not tensor.to(dtype).isfinite().all():
            raise CheckpointError(f"{name} has numbers too large for {dtype}: give --others bfloat16 or float32.")
