"""The architecture of a checkpoint, read from its `config.json` and from nowhere else."""

import dataclasses
import json
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from model.errors import CheckpointError
from model.timeline.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowConfig:
    """How encoder frames are grouped before the Q-Former."""

    num_frames: int = 17
    """Frames in a window, and from one window's start to the next: 17 x 20 ms = 0.34 s."""
    drop_rest: bool = False
    """Whether frames after the last whole window are dropped, as in the released code, and not padded and masked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeEncodingConfig:
    """Absolute time-aware encoding. Source: paper, Eq. 3 and 4."""

    num_rows: int = 768
    """Rows of W_t, one per window number; 768 x 0.34 s reach 261 s. 0 leaves the encoding out."""
    index: Literal["window", "released_cpu", "released_cuda"] = "window"
    """Which row a window gets: its number, or what the released code's arithmetic makes of it on either device (see
    `model/connector/released_index.py`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QFormerConfig:
    """The window Q-Former, 2 layers as in the released code. Source: paper, Table 5, "Segment-level Token Merging"."""

    dim: int = 768
    num_layers: int = 2
    num_heads: int = 12
    feed_forward_dim: int = 3072
    dropout: float = 0.1
    frame_positions: bool = True
    """Whether each of a window's frames is told its place by a learned row, so that one query can tell when, inside
    of 0.34 s, a sound begins. Not in the paper (see DECISIONS.md)."""
    self_attention: Literal["segment", "window"] = "segment"
    """Which tokens attend each other: all of a segment's, or, as in the released code, each window's one to itself."""


MergeScore = Literal["attention", "cross_attention", "norm", "uniform"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeConfig:
    """Segment-level token merging. Source: paper, Eq. 5 and 6; 22 + 4 from "Implementation Details"."""

    enabled: bool = True
    above_windows: int = 89
    """Recordings of up to so many windows (30 s) keep every token."""
    num_dominant: int = 22
    num_contextual: int = 4
    per_windows: int = 88
    """The budget above is for so many windows; a segment of another length keeps its share."""
    method: Literal["paper", "released"] = "paper"
    """`released`: the released code's segments, budget, clusters and order: `model/connector/merge_released.py`."""
    score: MergeScore = "attention"
    """What makes a token dominant: the attention that it receives (Eq. 5); or, as ablations, what its window's frames
    receive (see `QFormerLayer.mass`), its length, or, evenly, its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorConfig:
    """Times among the audio tokens, written with the markers that answers are written with. Not in the paper."""

    every_seconds: int = 0
    """From one anchor to the next, the first at 0; 0 is without, as in the paper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptConfig:
    """The words around the audio tokens. Source: the authors' released code (SALMONN's prompt)."""

    before_audio: str = "USER: <Speech>"
    after_audio: str = "</Speech> {question}\nASSISTANT:"


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingConfig:
    """What the two encoders are given. Every setting but the defaults is the released code's, for its weights."""

    keep_padding: bool = False
    """Whether the speech encoder's frames of what pads a segment to 30 s are kept, unmasked, as if they were sound."""
    min_tail_samples: int = 0
    """A last segment shorter than this is kept from the speech encoder, unless it is the only one."""
    whole_sound: bool = False
    """Whether the sound encoder (BEATs) hears up to 180 s at once, at quadratic cost, and not segment by segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """Everything that a checkpoint decides beside the sizes in its encoders' and language model's own config files.

    Raises:
        CheckpointError: two settings contradict each other.
    """

    name: str
    tasks: tuple[Task, ...]
    """What it was trained for; anything else is refused."""
    sound_encoder: Literal["beats", "conv", "aisfx"] = "beats"
    pad_segments: bool = False
    """Whether segments are padded to 30 s for the speech encoder, which pretrained Whisper weights need. The frames
    past the end are dropped again, unless `encoding.keep_padding`."""
    language_dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Precision in which the language model computes; the encoders and the connector always do in float32."""
    encoding: EncodingConfig = field(default_factory=EncodingConfig)
    window: WindowConfig = field(default_factory=WindowConfig)
    time_encoding: TimeEncodingConfig = field(default_factory=TimeEncodingConfig)
    qformer: QFormerConfig = field(default_factory=QFormerConfig)
    merge: MergeConfig = field(default_factory=MergeConfig)
    anchors: AnchorConfig = field(default_factory=AnchorConfig)
    prompt: PromptConfig = field(default_factory=PromptConfig)

    def __post_init__(self) -> None:
        encoding = self.encoding
        if encoding.keep_padding and not self.pad_segments:
            raise CheckpointError("encoding.keep_padding keeps nothing where pad_segments is false.")
        if encoding.whole_sound and self.sound_encoder != "beats":
            raise CheckpointError(f"encoding.whole_sound is for the beats sound encoder, not {self.sound_encoder}.")
        if self.anchors.every_seconds < 0:
            raise CheckpointError(f"anchors.every_seconds is 0 or more, not {self.anchors.every_seconds}.")
        if self.anchors.every_seconds and self.merge.method == "released":
            raise CheckpointError("anchors need tokens in time order, which merge.method 'released' does not keep.")

    @classmethod
    def read(cls, path: Path) -> "ModelConfig":
        """The config in a JSON file.

        Raises:
            CheckpointError: the file is missing, not JSON, or has unknown keys or values of another type; every
                fault is listed.
        """
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise CheckpointError(f"{path} is missing: {path.parent} is not a checkpoint directory.") from None
        except ValueError as error:
            raise CheckpointError(f"{path} is not JSON: {error}") from None
        problems: list[str] = []
        try:
            config = _build(cls, value, "", problems)
        except CheckpointError as error:
            raise CheckpointError(f"{path}: {error}") from None
        if problems:
            raise CheckpointError(f"{path}: " + "; ".join(problems) + ".")
        return typing.cast(ModelConfig, config)

    def write(self, path: Path) -> None:
        """Write as JSON, every field spelt out."""
        path.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n", encoding="utf-8")


def _build(kind: Any, value: Any, at: str, problems: list[str]) -> Any:
    """`value` as `kind`, or a note in `problems` for each fault."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, dict):
            problems.append(f"{at or 'the file'} must be an object")
            return None
        hints = typing.get_type_hints(kind)
        fields = {f.name: f for f in dataclasses.fields(kind)}
        problems += [f"{at}{name} is not known" for name in value if name not in fields]
        no_default = dataclasses.MISSING
        missing = [
            n for n, f in fields.items()
            if n not in value and f.default is no_default and f.default_factory is no_default
        ]  # fmt: skip
        problems += [f"{at}{name} is missing" for name in missing]
        before = len(problems)
        given = {n: _build(hints[n], v, f"{at}{n}.", problems) for n, v in value.items() if n in fields}
        return None if missing or len(problems) > before else kind(**given)
    name = at.rstrip(".")
    if typing.get_origin(kind) is Literal:
        if value not in typing.get_args(kind):
            problems.append(f"{name} must be one of {', '.join(map(repr, typing.get_args(kind)))}, not {value!r}")
    elif typing.get_origin(kind) is tuple:
        if not isinstance(value, list):
            problems.append(f"{name} must be a list")
            return ()
        return tuple(_build(typing.get_args(kind)[0], item, at, problems) for item in value)
    elif kind is float and type(value) is int:
        return float(value)
    elif type(value) is not kind:
        problems.append(f"{name} must be of type {kind.__name__}, not {value!r}")
    return value
