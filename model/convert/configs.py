"""Translates the configs of the authors' code into this project's.

Their checkpoint holds its own `config`. The configs of Whisper, BEATs and the language model come with their weights.
The released code also reads BERT's config. The only setting in it that tensor shapes do not give is the number of
heads.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from model.config import (
    EncodingConfig,
    MergeConfig,
    ModelConfig,
    PromptConfig,
    QFormerConfig,
    TimeEncodingConfig,
    WindowConfig,
)
from model.connector.released_index import Device
from model.encoders.beats import BEATsConfig
from model.errors import CheckpointError

MIN_TAIL_SAMPLES = 5 * 16_000
"""The released data set does not pass a last chunk under 5 s to Whisper."""

WHISPER_FRAMES = 1500
"""Frames that Whisper computes for 30 s."""

BERT_HEADS = 12
"""Heads of bert-base, which the released Q-Former is based on."""


def model_config(
    name: str, theirs: Mapping[str, Any], tensors: Mapping[str, Tensor], *, index: Device, num_heads: int | None = None
) -> ModelConfig:
    """Return the settings that reproduce the released code, for a checkpoint with these tensors (by our names).

    Args:
        name: name of the checkpoint.
        theirs: the `model` part of the file's own config.
        tensors: at least the connector's; their shapes give the sizes.
        index: the device on which the time index was computed in training.
        num_heads: heads of the Q-Former; bert-base's if None.

    Raises:
        CheckpointError: the config has a setting that no released checkpoint has.
    """
    length = theirs.get("second_per_window", 0.333333)
    facts = {
        "second_stride": length,  # a different stride would make windows overlap
        "num_speech_query_token": 1,
        "window_level_Qformer": True,
        "use_speech_Qformer": True,
    }
    wrong = [f"{key} is {theirs[key]}, not {value}" for key, value in facts.items() if theirs.get(key, value) != value]
    if wrong:
        raise CheckpointError(f"The file's config has settings that no released TimeAudio has: {'; '.join(wrong)}.")
    return ModelConfig(
        name=name,
        tasks=("dense_caption", "ground", "summarize", "ask"),
        sound_encoder="beats",
        pad_segments=True,
        encoding=EncodingConfig(keep_padding=True, min_tail_samples=MIN_TAIL_SAMPLES, whole_sound=True),
        window=WindowConfig(num_frames=round(WHISPER_FRAMES * length / 30), drop_rest=True),
        time_encoding=TimeEncodingConfig(num_rows=len(tensors["connector.time_encoding.weight"]), index=index),
        qformer=qformer_config(tensors, num_heads),
        merge=MergeConfig(
            enabled=False, above_windows=88, num_dominant=22, num_contextual=4, per_windows=44, method="released"
        ),
        prompt=prompt_config(theirs.get("prompt_template", "USER: {}\nASSISTANT:")),
    )


def qformer_config(tensors: Mapping[str, Tensor], num_heads: int | None) -> QFormerConfig:
    """Return the Q-Former's sizes from the shapes of its tensors (by our names).

    Raises:
        CheckpointError: the width is not divisible by the number of heads.
    """
    layers = [name for name in tensors if name.startswith("connector.qformer.layers.") and name.endswith("expand.bias")]
    dim = len(tensors["connector.qformer.query"])
    heads = num_heads or BERT_HEADS
    if dim % heads:
        raise CheckpointError(f"The Q-Former's width {dim} does not fit {heads} heads: give --qformer-heads.")
    return QFormerConfig(
        dim=dim,
        num_layers=len(layers),
        num_heads=heads,
        feed_forward_dim=len(tensors["connector.qformer.layers.0.expand.bias"]),
        frame_positions=False,
        self_attention="window",
    )


def prompt_config(template: str) -> PromptConfig:
    """Return the prompt text around the audio, from their template with one `{}` for the turn.

    Raises:
        CheckpointError: there is not exactly one `{}`.
    """
    if template.count("{}") != 1:
        raise CheckpointError(f"The file's prompt_template must contain exactly one {{}}: {template!r}.")
    before, after = template.split("{}")
    return PromptConfig(before_audio=before + "<Speech>", after_audio="</Speech> {question}" + after)


def beats_config(theirs: Mapping[str, Any]) -> BEATsConfig:
    """Return a BEATs config without the fields that only matter for its own training.

    Raises:
        CheckpointError: it is not the config of a released BEATs.
    """
    known = {f.name for f in dataclasses.fields(BEATsConfig)}
    try:
        return BEATsConfig(**{name: value for name, value in theirs.items() if name in known})
    except ValueError as error:
        raise CheckpointError(str(error)) from None
