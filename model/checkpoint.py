"""Load and save checkpoint directories, strictly, in layouts that common tools can open.

config.json              ModelConfig
model.safetensors        fusion and connector
speech_encoder/          config.json and model.safetensors of transformers' Whisper encoder
sound_encoder/           config.json and model.safetensors of BEATs, aiSFX, YAMNet or the convolutional encoder
transcriber/             optional, config.json and model.safetensors of the layers that read words, and lexicon.txt
llm/                     any causal language model of transformers, in the library's own layout
adapter/                 optional, peft's layout; merged at load
tokenizer.json, ...      the tokenizer, markers included
calibration.json         optional, how to compute confidence
words.safetensors        with it, a map from words to directions of audio tokens
README.md                the model card

A packed checkpoint has model.gguf, or model-00001-of-00002.gguf and so on, instead of model.safetensors in the folders
of the encoders and of a Llama.
"""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import WhisperConfig

from model.adapter import merge_adapter
from model.confidence import Calibration
from model.config import ModelConfig
from model.encoders.aisfx import AisfxConfig, AisfxEncoder
from model.encoders.beats import BEATs, BEATsConfig
from model.encoders.conv import ConvEncoder, ConvEncoderConfig
from model.encoders.transcriber import Transcriber, TranscriberConfig
from model.encoders.whisper import SpeechEncoder
from model.encoders.yamnet import YamnetConfig, YamnetEncoder
from model.errors import CheckpointError
from model.gguf_tensors import gguf_files
from model.hub import fetch_checkpoint
from model.language.loading import load_language_model
from model.language.quantize import Quantization
from model.language.tokenizer import Tokenizer
from model.module_state import load_tensors
from model.precision import fastest_dtype
from model.timeaudio import SoundEncoder, TimeAudio
from model.timeline.lexicon import Lexicon
from model.word_map import WordMap

EMBEDDED = Path(__file__).parent / "checkpoints" / "timeaudio-small"
"""The checkpoint that comes with the package."""
CALIBRATION = "calibration.json"
WORDS = "words.safetensors"
WEIGHTS = "model.safetensors"
ADAPTER = "adapter"
TRANSCRIBER = "transcriber"
LEXICON = "lexicon.txt"
READABLE = 0o644  # safetensors lets only the owner read, but a server may run as another user


def load_checkpoint(
    directory: Path,
    *,
    device: str = "cpu",
    dtype: torch.dtype | None = None,
    quantize: Quantization | None = None,
    adapted: bool = True,
    calibrated: bool = True,
    may_round: bool = False,
) -> tuple[TimeAudio, Tokenizer]:
    """Load the model in evaluation mode, and its tokenizer. Nothing is unpickled: weights are safetensors or GGUF.

    The language model computes in `dtype`, or in the config's precision if None. `auto` means float32, or with
    `may_round` the fastest precision of the device. `quantize` stores the language model's weights in fewer bits.
    Without `adapted`, an adapter is left out; without `calibrated`, the calibration. `directory` may be a hub name.

    Raises:
        CheckpointError: a file is missing, or does not fit the others; or it cannot be fetched from the hub.
    """
    directory = fetch_checkpoint(directory)
    config = ModelConfig.read(directory / "config.json")
    tokenizer = Tokenizer.load(directory)
    speech = _speech_encoder(directory / "speech_encoder" / "config.json")
    load_tensors(speech.encoder, directory / "speech_encoder" / WEIGHTS)
    sound = sound_encoder(config.sound_encoder, _json(directory / "sound_encoder" / "config.json"))
    load_tensors(sound, directory / "sound_encoder" / WEIGHTS)
    is_auto = dtype is None and config.language_dtype == "auto"
    stated = torch.float32 if is_auto else getattr(torch, config.language_dtype)
    if quantize is not None and (directory / ADAPTER).is_dir():
        raise CheckpointError(
            f"{directory} has an adapter, which cannot be merged into {quantize} weights: merge it first."
        )
    llm = load_language_model(directory / "llm", dtype or stated, device, quantize)
    if adapted and (directory / ADAPTER).is_dir():
        llm = merge_adapter(llm, directory / ADAPTER)
    model = TimeAudio(config, speech, sound, llm)
    if is_auto and may_round:  # after the adapter is merged, so that the weights are rounded once
        model.compute_in(fastest_dtype(torch.device(device).type))
    model.marker_ids = tokenizer.marker_ids
    if (directory / TRANSCRIBER).is_dir():
        model.transcriber = _transcriber(_json(directory / TRANSCRIBER / "config.json"), speech.dim)
        load_tensors(model.transcriber, directory / TRANSCRIBER / WEIGHTS)
        if (directory / TRANSCRIBER / LEXICON).is_file():
            model.transcriber.lexicon = Lexicon.read(directory / TRANSCRIBER / LEXICON)
    load_tensors(nn.ModuleDict({"fusion": model.fusion, "connector": model.connector}), directory / WEIGHTS)
    rows = model.llm.get_input_embeddings().weight.shape[0]
    if rows < len(tokenizer):
        raise CheckpointError(f"{directory}/llm has {rows} embedding rows, the tokenizer {len(tokenizer)} tokens.")
    if calibrated and (directory / CALIBRATION).is_file():
        model.calibration = Calibration.read(directory / CALIBRATION)
        if model.calibration.largest_id >= len(tokenizer):
            raise CheckpointError(f"{directory / CALIBRATION} is that of another tokenizer: recreate it.")
        if model.calibration.tasks.keys() != {"summarize"} or (directory / WORDS).is_file():  # summaries need no map
            words = WordMap.read(directory / WORDS, model.llm.config.get_text_config().hidden_size)
            model.word_map = words.to(torch.device(device))
    return model.to(device).eval(), tokenizer


def save_checkpoint(
    directory: Path,
    model: TimeAudio,
    tokenizer: Tokenizer,
    *,
    dtype: torch.dtype,
    llm_dtype: torch.dtype | None = None,
) -> None:
    """Write everything but the model card. Floating-point tensors are stored as `dtype`, the llm's as `llm_dtype`.

    An existing calibration, adapter and packed weights in the directory are deleted: they belong to another model.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for fitted in (CALIBRATION, WORDS):
        (directory / fitted).unlink(missing_ok=True)
    shutil.rmtree(directory / ADAPTER, ignore_errors=True)
    shutil.rmtree(directory / TRANSCRIBER, ignore_errors=True)
    for stale in gguf_files(directory / "llm"):
        stale.unlink()
    save_hearing(directory, model, dtype)
    if model.transcriber is not None:
        save_transcriber(directory, model.transcriber, dtype)
    model.llm.save_pretrained(directory / "llm", state_dict=_stored(model.llm, llm_dtype or dtype))
    tokenizer.library.save_pretrained(directory)
    for file in (directory / "llm").glob("*.safetensors"):
        file.chmod(READABLE)


def save_hearing(directory: Path, model: TimeAudio, dtype: torch.dtype) -> None:
    """Write the encoders, the connector and the configuration, in place of any that are there."""
    for part in ("speech_encoder", "sound_encoder"):
        for stale in gguf_files(directory / part):
            stale.unlink()
    model.config.write(directory / "config.json")
    _save(nn.ModuleDict({"fusion": model.fusion, "connector": model.connector}), directory / WEIGHTS, dtype)
    _save_part(directory / "speech_encoder", model.speech.encoder, model.speech.encoder.config.to_diff_dict(), dtype)
    _save_part(directory / "sound_encoder", model.sound, dataclasses.asdict(model.sound.config), dtype)


def save_transcriber(directory: Path, transcriber: Transcriber, dtype: torch.dtype) -> None:
    """Write the transcriber of a checkpoint, in place of any that is there."""
    shutil.rmtree(directory / TRANSCRIBER, ignore_errors=True)
    _save_part(directory / TRANSCRIBER, transcriber, dataclasses.asdict(transcriber.config), dtype)
    if transcriber.lexicon is not None:
        transcriber.lexicon.write(directory / TRANSCRIBER / LEXICON)


def _save_part(folder: Path, module: nn.Module, config: dict[str, Any], dtype: torch.dtype) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    _save(module, folder / WEIGHTS, dtype)


def sound_encoder(kind: str, fields: dict[str, Any]) -> SoundEncoder:
    """Build a sound encoder of the given kind (`beats`, `conv`, `aisfx` or `yamnet`) with random weights.

    Raises:
        CheckpointError: the kind is unknown, or `fields` do not match that encoder's config.
    """
    kinds: dict[str, tuple[type[SoundEncoder], type]] = {
        "beats": (BEATs, BEATsConfig),
        "conv": (ConvEncoder, ConvEncoderConfig),
        "aisfx": (AisfxEncoder, AisfxConfig),
        "yamnet": (YamnetEncoder, YamnetConfig),
    }
    if kind not in kinds:
        raise CheckpointError(f"The sound encoder must be one of {', '.join(kinds)}, not {kind!r}.")
    net, config = kinds[kind]
    try:
        lists = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
        return net(config(**lists))
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"The sound encoder's config does not match {kind}: {error}.") from None


def _speech_encoder(path: Path) -> SpeechEncoder:
    fields = _json(path)
    try:
        return SpeechEncoder(WhisperConfig.from_dict(fields))
    except Exception as error:  # the library has many ways to reject a value
        raise CheckpointError(f"{path} is not a Whisper config: {error}") from None


def _transcriber(fields: dict[str, Any], dim: int) -> Transcriber:
    try:
        config = TranscriberConfig(**fields)
    except TypeError as error:
        raise CheckpointError(f"The transcriber's config is not valid: {error}.") from None
    if config.dim != dim:
        raise CheckpointError(f"The transcriber reads frames of {config.dim} numbers, the speech encoder has {dim}.")
    return Transcriber(config)


def _save(module: nn.Module, path: Path, dtype: torch.dtype) -> None:
    save_file(_stored(module, dtype), path, {"format": "pt"})
    path.chmod(READABLE)


def _stored(module: nn.Module, dtype: torch.dtype) -> dict[str, Tensor]:
    """Return the state to save. Tensors that share memory (BEATs' position bias) are copied separately."""
    return {
        name: (tensor.to(dtype) if tensor.is_floating_point() else tensor).contiguous().cpu().clone()
        for name, tensor in module.state_dict().items()
    }


def _json(path: Path) -> dict[str, Any]:
    try:
        value: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing.") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} must hold a JSON object.")
    return value
