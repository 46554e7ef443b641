"""A training run as data: frozen dataclasses, which `training.run_file` reads from TOML."""

from dataclasses import dataclass, field
from typing import Any

from training.data.composer import SceneConfig
from training.data.tasks import Shares


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimConfig:
    """AdamW with warm-up and cosine decay. Source: paper, Table 5 (weight decay, betas)."""

    steps: int
    learning_rate: float = 1e-3
    final_learning_rate: float = 1e-5
    warmup_steps: int = 100
    weight_decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.999)
    clip_norm: float = 1.0
    batch_size: int = 16
    bfloat16: bool = True
    """Autocast, where the device computes in it: on GPUs, and twice as fast on CPUs with AVX-512 BF16."""
    save_every: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """Which recordings, and how they are varied."""

    train_folds: tuple[int, ...] = (1, 2, 3)
    validation_folds: tuple[int, ...] = (4,)
    speeds: tuple[float, ...] = (1.0,)
    """Each training recording is also there at these speeds (pitch moves with it)."""
    other_kinds: bool = True
    """Whether the kinds outside of ESC-10 take part: in all stages."""
    scene: SceneConfig = field(default_factory=SceneConfig)
    long_seconds: float = 30.0
    long_share: float = 0.15
    """Share of batches whose scenes last `long_seconds`, with more events in smaller batches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListeningConfig:
    """How the sound encoder learns what is said, once it knows sounds."""

    seconds: float = 6.0
    """Of read sentences that it hears in one piece."""
    speeds: tuple[float, float] = (0.8, 1.25)
    """The slowest and the fastest of a record player: a voice's size and height move with it."""
    scenes: int = 3
    """Composed scenes of a step, on which its frames are held near where they were."""
    held_weight: float = 1.5
    mask_bins: int = 24
    """Widest band of a spectrogram that is blanked, as a share of 128 bins."""
    optim: OptimConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderStageConfig:
    """Stage 0, encoders: both learn to name each frame's sounds."""

    sound_encoder: str = "conv"
    """`conv`, `beats` or `aisfx`."""
    speech: dict[str, int | float] = field(default_factory=dict)
    """Fields of transformers' WhisperConfig."""
    sound: dict[str, Any] = field(default_factory=dict)
    """Fields of ConvEncoderConfig or BEATsConfig."""
    speech_every: int = 1
    """The speech encoder learns from every so many steps' scenes: it learns sounds slower, and helps less with them."""
    mask_bins: int = 16
    """Widest band of a spectrogram that is blanked, as a share of 128 bins."""
    optim: OptimConfig
    listening: ListeningConfig | None = None
    """How the sound encoder goes on with spoken sentences, where there are bulletins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguagePhase:
    """A stretch of the language model's training: which scenes it is told of, and what it is asked.

    A small net that meets everything at once learns to describe scenes, and then never to match a query with an event.
    """

    steps: int
    one_event_share: float = 0.0
    """Share of scenes of one event."""
    most_events: int = 99
    """No scene has more; as many as the data's scenes have if those have fewer."""
    repeated_share: float = 0.0
    """Share of scenes in which kinds come back again and again."""
    shares: Shares = field(default_factory=Shares)
    long_share: float = 0.1
    """Share of batches of longer scenes, with more events and fewer examples."""
    shifted_share: float = 0.0
    """Share of batches of up to 30 s that begin anywhere on the clock."""
    speech_share: float = 0.0
    """Share of batches of spoken bulletins."""
    longest_seconds: float = 150.0
    longest_share: float = 0.0
    """Share of the longer scenes and of the bulletins that may last up to `longest_seconds`, and so are merged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageStageConfig:
    """Stage 0, second half: a small causal language model learns to read written timelines."""

    vocabulary: int = 640
    """Pieces of the byte-level tokenizer that is trained on the answers."""
    model: dict[str, Any] = field(default_factory=dict)
    """Fields of transformers' LlamaConfig."""
    phases: tuple[LanguagePhase, ...] = (LanguagePhase(steps=0),)
    """What is learned first, and what next; the last one lasts to the end."""
    time_weight: float = 1.0
    """Weight of a digit's cross-entropy, against 1 for a word: times are exact, captions a choice among paraphrases."""
    presence_weight: float = 1.0
    """Weight of the one word by which a grounding answer says that the query happens, or that it does not."""
    optim: OptimConfig
    markers: OptimConfig | None = None
    """How it learns times as markers, once it knows them as digits; None leaves that to stage 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraStageConfig:
    """Low-rank adapters of the language model. Source: paper, Table 5."""

    rank: int = 8
    alpha: int = 32
    dropout: float = 0.1
    targets: tuple[str, ...] = ("q_proj", "v_proj")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingConfig:
    """The end of stage 1: the language model alone, on the tokens of a connector that stays as it is.

    Fields are named as in `AlignmentStageConfig` and take the place of those; others stay as they were.
    """

    shares: Shares = field(default_factory=Shares)
    long_share: float = 0.75
    very_long_share: float = 0.6
    speech_share: float = 0.0
    questions: int = 1
    time_weight: float = 1.0
    presence_weight: float = 1.0
    lookup_weight: float = 0.0
    optim: OptimConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentStageConfig:
    """Stage 1, temporal token alignment: LoRA, Q-Former, time encoding and marker rows train; the rest is frozen.

    Source: paper, "Stage-1: Temporal Token Alignment".
    """

    scenes: int = 4000
    """Composed scenes whose frames are computed once and kept."""
    long_scenes: int = 400
    bulletins: int = 0
    """Scenes and bulletins of `longest_seconds`, from which stretches are cut."""
    shares: Shares = field(default_factory=Shares)
    long_share: float = 0.2
    """Share of batches of 20 s and more, in tens of seconds."""
    very_long_share: float = 0.3
    """Share of those that last more than a segment of 30 s, where tokens are merged."""
    speech_share: float = 0.0
    """Share of batches of bulletins."""
    landmark_weight: float = 0.1
    """Weight by which the merge score is taught to be high where something begins."""
    spliced_share: float = 0.0
    """Share of batches of 20 s and more that are spliced out of the scenes of 10 s; the others are composed so long."""
    quiet_scenes: int = 80
    """Recordings of 30 s of noise alone, for what is spliced."""
    questions: int = 1
    """Questions about each recording of 10 s; twice as many about longer ones, the first of them for dense captions."""
    longest_seconds: float = 150.0
    shifted_share: float = 0.2
    """Share of batches of 10 s that begin anywhere on the clock."""
    feature_dropout: float = 0.1
    time_weight: float = 1.0
    """Weight of a marker's cross-entropy, against 1 for a word."""
    presence_weight: float = 1.0
    """Weight of the one word by which a grounding answer says that the query happens, or that it does not."""
    clock_weight: float = 0.0
    """Weight of reading times from tokens by a linear map: of all when they begin, of beginnings when they end."""
    fact_weight: float = 0.0
    """Weight of reading from the token in which a spoken section begins, by a linear map, what it tells."""
    lookup_weight: float = 0.0
    """Weight of a head's looking, at the words of a section's summary, at the tokens that tell it."""
    list_weight: float = 1.0
    """Weight of the comma by which a list of intervals goes on, and of the word by which it ends."""
    qformer: dict[str, Any] = field(default_factory=dict)
    """Fields of QFormerConfig."""
    warm_up: OptimConfig
    """How the connector starts."""
    lora: LoraStageConfig = field(default_factory=LoraStageConfig)
    initialise_markers: bool = True
    """Eq. 1; off for the ablation."""
    time_encoding: bool = True
    """Eq. 3 and 4; off for the ablation."""
    optim: OptimConfig
    fetching: OptimConfig | None = None
    """How the connector goes on with bulletins alone afterwards, where there are any."""
    summing_up: ReadingConfig | None = None
    """How the language model then learns, alone, to tell what the connector fetched, where there are bulletins."""
    reading: ReadingConfig | None = None
    """How the language model goes on alone afterwards; None leaves that out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """All stages of a checkpoint."""

    name: str
    data: DataConfig
    encoders: EncoderStageConfig
    language: LanguageStageConfig
    alignment: AlignmentStageConfig
