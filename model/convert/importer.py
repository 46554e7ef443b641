"""`timeaudio import`: combines the authors' checkpoint and its three pretrained nets into one checkpoint directory.

Weights are copied from memory-mapped downloads to files of at most 1 GiB, one at a time: the whole model is never in
memory. Adapters are merged into the language model's matrices in float32; its embedding and head are replaced.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from transformers import PretrainedConfig

from model.config import ModelConfig
from model.connector.released_index import Device, measured_on
from model.convert.card import released_card
from model.convert.compare import compare
from model.convert.configs import model_config
from model.convert.keys import merged
from model.convert.language import check_rotation, released_tokenizer
from model.convert.layout import Layout, Start, WriteResult, silent
from model.convert.nets import BEATS_FILE, Net, Trained, open_language, open_sound, open_speech, open_trained
from model.convert.shape_check import TIME, ExpectedShapes, checkpoint_faults, needs, require_fit, require_parts
from model.convert.writing import PlannedFile, language_files, net_file, whole_file
from model.encoders.beats import BEATsConfig
from model.errors import CheckpointError, WeightFault
from model.language.tokenizer import Tokenizer

Precision = Literal["bfloat16", "float16", "float32"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloads:
    """Paths of the four downloads.

    Attributes:
        whisper: a directory of the Hugging Face layout.
        beats: the file that BEATs' authors publish.
        llm: a directory of the Hugging Face layout.
        checkpoint: the authors' .pth file.
    """

    whisper: Path
    beats: Path
    llm: Path
    checkpoint: Path


def import_released(
    downloads: Downloads,
    out: Path,
    *,
    dtype: Precision = "bfloat16",
    num_heads: int | None = None,
    start: Start = silent,
) -> WriteResult:
    """Write a checkpoint directory with the released code's settings, or resume an interrupted call.

    Args:
        downloads: the four downloads.
        out: the directory to write; its name becomes the checkpoint's. It is `OUT.partial` until it is complete.
        dtype: the precision in which the language model is stored and computes. The rest is stored unchanged and
            computes in float32.
        num_heads: heads of the Q-Former; bert-base's 12 if None.
        start: called after all checks, with the number of bytes to write.

    Raises:
        CheckpointError: a file or option is wrong. Nothing is written then.
        WeightsDoNotFit: tensors are missing, unexpected, or have the wrong shape.
    """
    speech, speech_config = open_speech(downloads.whisper)
    sound, sound_config = open_sound(downloads.beats)
    llm, llm_config = open_language(downloads.llm)
    trained = open_trained(downloads.checkpoint)
    if speech_config.num_mel_bins != 80:
        raise CheckpointError(
            f"--whisper {downloads.whisper} takes {speech_config.num_mel_bins} mel bands, as large-v3 does; "
            "the released code uses 80: give whisper-large-v2."
        )
    require_parts(trained.renamed, downloads.checkpoint)
    config = architecture(
        out.resolve().name, trained, dtype, index=measured_on(trained.renamed.tensors[TIME]), num_heads=num_heads
    )
    llm_config.vocab_size = _rows(trained, llm_config)
    need = needs(config, speech_config, sound_config, llm_config)
    faults = [
        *checkpoint_faults(trained.renamed, need, trained.theirs, downloads.checkpoint),
        *compare(need.speech, speech.shapes, downloads.whisper),
        *compare(need.sound, sound.shapes, downloads.beats),
        *_language_faults(llm, need),
    ]
    require_fit(faults, advice(trained, need, downloads))
    _check_beats(sound, sound_config, trained, downloads)
    check_rotation(trained.state, llm_config, f"--checkpoint {downloads.checkpoint}")
    tokenizer = released_tokenizer(downloads.llm)
    _check_tokenizer(tokenizer, llm_config.vocab_size, downloads)

    layout = Layout(
        config=config,
        speech=speech_config,
        sound=sound_config,
        llm=llm_config,
        tokenizer=tokenizer,
        card=released_card(config.name, dataclasses.asdict(downloads), dtype),
    )
    files = plan(speech, sound, llm, trained, need, getattr(torch, dtype))
    read = [file.path for net in (speech, sound, llm) for file in net.files] + [downloads.checkpoint]
    return layout.write(out, files, read, start, dtype=dtype, heads=config.qformer.num_heads)


def architecture(
    name: str, trained: Trained, dtype: Precision, *, index: Device, num_heads: int | None = None
) -> ModelConfig:
    """Return the released code's settings for a file, from the file's own config and its tensors' shapes."""
    config = model_config(name, trained.theirs, trained.renamed.tensors, index=index, num_heads=num_heads)
    return dataclasses.replace(config, language_dtype=dtype)


def plan(
    speech: Net, sound: Net, llm: Net, trained: Trained, need: ExpectedShapes, dtype: torch.dtype
) -> list[PlannedFile]:
    """Plan every weight file. Tensors in the authors' file replace those of the nets."""
    own = trained.renamed.tensors
    scale = float(trained.theirs.get("lora_alpha", 32))

    def of(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): tensor for name, tensor in own.items() if name.startswith(prefix)}

    replaced = of("llm.")

    def change(name: str, tensor: Tensor | None) -> Tensor:
        base = replaced.get(name, tensor)
        assert base is not None, f"{name} is missing in spite of the checks"
        adapter = trained.renamed.adapters.get(f"llm.{name}")
        return base if adapter is None else merged(base.float(), adapter, scale / len(adapter[0]))

    return [
        whole_file("model.safetensors", {name: own[name] for name in need.connector}),
        net_file("sound_encoder/model.safetensors", sound, of("sound.")),
        net_file("speech_encoder/model.safetensors", speech, of("speech.encoder.")),
        *language_files(llm, need.llm, dtype, change),
    ]


def advice(trained: Trained, need: ExpectedShapes, downloads: Downloads) -> str:
    """Return what to do about files that do not fit, based on the most likely mistake."""
    own = trained.renamed.tensors
    width = {
        "--whisper": ("fusion.speech_norm.weight", downloads.whisper, "whisper-large-v2"),
        "--beats": ("fusion.sound_norm.weight", downloads.beats, BEATS_FILE),
        "--llm": ("connector.projection.bias", downloads.llm, "vicuna-7b-v1.5"),
    }
    for option, (name, path, wanted) in width.items():
        trained_on = len(own[name]) if name in own else need.connector[name][0]
        if trained_on != need.connector[name][0]:
            return (
                f"{option} {path} has width {need.connector[name][0]}, but {downloads.checkpoint} was trained with "
                f"width {trained_on}: give {wanted}."
            )
    if any(f"llm.{name}" not in own for name in need.embeddings):
        return (
            f"{downloads.checkpoint} lacks the embedding or the head, which were trained: it holds only adapters, or "
            "is from a stage that leaves them out. Give the .pth file that the authors publish (237 tensors)."
        )
    return "Give the four complete, unmodified downloads that README.md names."


def _rows(trained: Trained, llm: PretrainedConfig) -> int:
    embedding = trained.renamed.tensors.get("llm.model.embed_tokens.weight")
    return len(embedding) if embedding is not None else int(llm.vocab_size)


def _language_faults(llm: Net, need: ExpectedShapes) -> list[WeightFault]:
    """Compare the language model's own files, except for what the authors' file replaces."""
    own = {name: shape for name, shape in need.llm.items() if name not in need.embeddings}
    found = {n: shape for n, shape in llm.shapes.items() if n not in need.embeddings and n not in need.tied}
    return list(compare(own, found, llm.origin))


def _check_beats(sound: Net, config: BEATsConfig, trained: Trained, downloads: Downloads) -> None:
    """Check that BEATs' position biases match the copy in the authors' file: BEATs was frozen in training."""
    names = [f"encoder.layers.{n}.self_attn.relative_attention_bias.weight" for n in range(config.encoder_layers)]
    file = sound.read(names)
    for name in names:
        copy = trained.renamed.tensors.get(f"sound.{name}")
        if copy is not None and not torch.allclose(copy.float(), file[name].float(), atol=1e-3):
            raise CheckpointError(
                f"--beats {downloads.beats} is not the BEATs that {downloads.checkpoint} was trained on (its position "
                f"biases differ): give {BEATS_FILE}."
            )


def _check_tokenizer(tokenizer: Tokenizer, rows: int, downloads: Downloads) -> None:
    if len(tokenizer) != rows or tokenizer.marker_ids != tuple(range(rows - 20, rows)):
        raise CheckpointError(
            f"--llm {downloads.llm} has a tokenizer of {len(tokenizer)} pieces including the markers, but "
            f"{downloads.checkpoint} has {rows} rows: give the tokenizer.model of vicuna-7b-v1.5."
        )
