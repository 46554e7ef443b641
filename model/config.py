"""The architecture of a checkpoint. Its `config.json` is the only source."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from model.errors import CheckpointError
from model.strict_json import JsonFaults, Strict, parse_strictly
from model.timeline.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowConfig(Strict):
    """How encoder frames are grouped before the Q-Former."""

    num_frames: int = 17
    """Frames in a window, which is also the hop between windows: 17 x 20 ms = 0.34 s."""
    drop_rest: bool = False
    """Whether to drop the frames after the last whole window, as the released code does, or to pad and mask them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeEncodingConfig(Strict):
    """Absolute time-aware encoding. Source: paper, Eq. 3 and 4."""

    num_rows: int = 768
    """Rows of W_t, one per window number; 768 x 0.34 s cover 261 s. 0 disables the encoding."""
    index: Literal["window", "released_cpu", "released_cuda"] = "window"
    """How a window's row is chosen: by its number, or by the released code's arithmetic on the CPU or on CUDA (see
    `model/connector/released_index.py`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QFormerConfig(Strict):
    """The window Q-Former; 2 layers, as in the released code. Source: paper, Table 5, "Segment-level Token Merging"."""

    dim: int = 768
    num_layers: int = 2
    num_heads: int = 12
    feed_forward_dim: int = 3072
    dropout: float = 0.1
    frame_positions: bool = True
    """Whether to add a learned row for each frame's position in its window, so that the query can locate a sound's
    start within the 0.34 s. Not in the paper (see docs/decisions/0001)."""
    self_attention: Literal["segment", "window"] = "segment"
    """Which tokens attend to each other: all in a segment or, as in the released code, each window's token to itself
    only."""


MergeScore = Literal["attention", "cross_attention", "norm", "uniform"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeConfig(Strict):
    """Segment-level token merging. Source: paper, Eq. 5 and 6; 22 + 4 from "Implementation Details"."""

    enabled: bool = True
    above_windows: int = 89
    """Recordings of up to this many windows (30 s) keep every token."""
    num_dominant: int = 22
    num_contextual: int = 4
    per_windows: int = 88
    """The number of windows that the budget above is for; it scales with a segment's length."""
    method: Literal["paper", "released"] = "paper"
    """`released` uses the released code's segments, budget, clusters and order: `model/connector/merge_released.py`."""
    score: MergeScore = "attention"
    """What makes a token dominant: the attention that it receives (Eq. 5); or, as ablations, the attention that its
    window's frames receive (see `QFormerLayer.mass`), its norm, or its position (evenly spaced)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorConfig(Strict):
    """Times inserted among the audio tokens, written with the same markers as answers. Not in the paper."""

    every_seconds: int = 0
    """Seconds from one anchor to the next, the first at 0 s; 0 disables anchors, as in the paper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptConfig(Strict):
    """The text around the audio tokens. Source: the authors' released code (SALMONN's prompt)."""

    before_audio: str = "USER: <Speech>"
    after_audio: str = "</Speech> {question}\nASSISTANT:"


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingConfig(Strict):
    """The input of the two encoders. Values other than the defaults reproduce the released code, for its weights."""

    keep_padding: bool = False
    """Whether to keep the speech encoder's frames of the padding up to 30 s, unmasked, as if they were sound."""
    min_tail_samples: int = 0
    """The speech encoder skips a last segment shorter than this, unless it is the only one."""
    whole_sound: bool = False
    """Whether the sound encoder (BEATs) processes up to 180 s at once, at quadratic cost, or segment by segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig(Strict):
    """All settings of a checkpoint except the sizes in the config files of its encoders and its language model.

    Raises:
        CheckpointError: two settings contradict each other.
    """

    name: str
    tasks: tuple[Task, ...]
    """The tasks that the checkpoint was trained for; others are rejected."""
    sound_encoder: Literal["beats", "conv", "aisfx", "yamnet"] = "beats"
    pad_segments: bool = False
    """Whether to pad segments to 30 s for the speech encoder, which pretrained Whisper weights need. The frames past
    the end are dropped again unless `encoding.keep_padding` is set."""
    language_dtype: Literal["auto", "float32", "bfloat16", "float16"] = "float32"
    """The language model's precision; the encoders and the connector compute in float32. With `auto`, all compute in
    bfloat16 on devices where that is faster (`model.precision`)."""
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
            raise CheckpointError("encoding.keep_padding needs pad_segments.")
        if encoding.whole_sound and self.sound_encoder != "beats":
            raise CheckpointError(f"encoding.whole_sound needs the beats sound encoder, not {self.sound_encoder}.")
        if self.anchors.every_seconds < 0:
            raise CheckpointError(f"anchors.every_seconds must be 0 or more, not {self.anchors.every_seconds}.")
        if self.anchors.every_seconds and self.merge.method == "released":
            raise CheckpointError("Anchors need tokens in time order, which merge.method 'released' does not keep.")

    @classmethod
    def read(cls, path: Path) -> "ModelConfig":
        """Read the config from a JSON file.

        Raises:
            CheckpointError: the file is missing, is not valid JSON, or has unknown keys or values of another type;
                the message lists every fault.
        """
        try:
            return parse_strictly(cls, path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            raise CheckpointError(
                f"{path} is missing: {path.parent} is not a checkpoint directory. Give one, or a model on the hub as "
                "ORG/NAME."
            ) from None
        except (JsonFaults, CheckpointError, OSError) as error:
            raise CheckpointError(f"{path}: {str(error).rstrip('.')}.") from None

    def write(self, path: Path) -> None:
        """Write every field as JSON."""
        path.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n", encoding="utf-8")
