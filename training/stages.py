"""The configuration of a training stage: which parts train, at which rates, on which recordings."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from model.config import MergeScore
from model.strict_json import Strict
from training.run_file import ConfigError, load_config

FOLDER = Path(__file__).parent / "configs" / "stages"

MERGE_SCORES = get_args(MergeScore)
Share = Annotated[float, Field(ge=0, lt=1)]
Objective = Literal["answers", "alignment", "imitation", "transcription"]
Part = Literal["connector", "time_encoding", "markers", "lora", "transcriber"]
PARTS: tuple[Part, ...] = ("connector", "time_encoding", "markers", "lora")
"""The parts that train by default. The encoders and the language model's own weights never train. `connector` is the
fusion, Q-Former and projection; `markers` are the markers' 20 rows in the embedding and in the prediction head."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraStageConfig(Strict):
    """Low-rank adapters of the language model. Source: paper, Table 5."""

    rank: int = 8
    alpha: int = 32
    dropout: float = 0.1
    targets: tuple[str, ...] = ("q_proj", "v_proj")
    merge: bool = True
    """Whether the checkpoint has the adapters merged into the language model. Otherwise they are in `adapter/`, as
    `timeaudio pack --llm q4_1` requires, and a stage continues to train its start's adapter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageConfig(Strict):
    """One stage. Rates and batch size apply to the whole run, whatever the number of processes.

    Source: paper, Table 5.
    """

    objective: Objective = "answers"
    """`answers`: the language model's text (both of the paper's stages); `alignment` and `imitation`: the connector
    alone, see `training.aligner` and `training.imitator`; `transcription`: the transcriber alone."""
    trains: tuple[Part, ...] = PARTS
    rates: dict[str, float] = field(default_factory=dict)
    """Factors on the learning rate, by part; 1 where a part is not listed."""
    epochs: float = 1.0
    steps: NonNegativeInt = 0
    """If not 0, the number of steps; replaces `epochs`."""
    batch_size: PositiveInt = 16
    """Examples in a step, over all processes."""
    micro_batch_size: PositiveInt = 4
    """Examples that one process computes at once; gradients are accumulated over micro-batches."""
    learning_rate: float = 3e-4
    warmup_learning_rate: float = 1e-6
    final_learning_rate: float = 1e-5
    warmup_steps: NonNegativeInt = 50
    weight_decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.999)
    clip_norm: float = 1.0
    bfloat16: bool = True
    """Autocast to bfloat16, where the device supports it in hardware."""
    activation_checkpointing: bool = False
    sharding: bool = False
    """Whether processes shard every tensor among them (FSDP2) instead of each holding a full copy (DDP)."""
    lora: LoraStageConfig = field(default_factory=LoraStageConfig)
    together: PositiveInt = 1
    """Rows of one recording that may share a batch, behind one copy of its audio tokens. Above 1, `packing` must be
    0."""
    most_seconds: float = 120.0
    """Longer recordings are left out and counted: cutting them would make their answers wrong."""
    most_text_tokens: int = 300
    """Longer answers are left out."""
    merging: bool = True
    """Whether tokens of recordings over 30 s are merged, if the checkpoint merges."""
    dropout: bool = True
    """Without dropout a run is the same on any number of processes."""
    feature_dropout: float = 0.0
    """Share of the encoders' features that are zeroed at random. Not in the paper: 0 reproduces it."""
    time_weight: float = 1.0
    """Weight of a marker's cross-entropy, against 1 for a word. Not in the paper: 1 reproduces it."""
    digit_weight: float = 0.0
    """Weight of a marker's expected distance from the right digit. Not in the paper: 0 reproduces it."""
    presence_weight: float = 1.0
    """Weight of the word that decides whether a grounding answer says that the query occurs. Not in the paper: 1
    reproduces it."""
    absent_queries: bool = True
    """Whether to train on queries that do not occur in the recording. The paper has none."""
    markers: Literal["kept", "initialised", "random", "none"] = "kept"
    """How the marker rows start: `kept`, `initialised` (Eq. 1 again) or `random`. `none`: times are plain digits."""
    time_encoding: bool = True
    """Off sets the time encoding's rows to zero and keeps them there, for the ablation."""
    retained_ratio: float = 0.0
    """Share of windows that merging keeps as dominant tokens; 0 keeps the checkpoint's setting."""
    merge_score: MergeScore = "attention"
    """`attention` (Eq. 5), `cross_attention`, `norm` or `uniform`."""
    anchor_seconds: NonNegativeInt = 0
    """Seconds between times among the audio tokens; 0 keeps the checkpoint's setting. Not in the paper."""
    packing: NonNegativeInt = 0
    """Row length, in tokens, up to which examples of a micro-batch share a row to avoid padding. They do not attend to
    each other. 0 gives each its own row."""
    evaluate_every: NonNegativeInt = 200
    """Steps between measurements on the validation rows; the best state is kept. 0 keeps the last state."""
    validation_rows: NonNegativeInt = 64
    validation_share: Share = 0.1
    """Share of the manifest's recordings that validate, where no validation manifest is given."""
    rehearsal_share: Share = 0.0
    """Share of every batch that rehearses what the checkpoint already knows. Above 0, the start is the best state until
    another one has a lower loss on the validation rows without forgetting. Not in the paper."""
    mixtures: NonNegativeInt = 0
    """How many times each recording with dense captions, from the manifest or the rehearsal set, is also mixed into a
    rehearsal scene."""
    blend: float = 1.0
    """Where the weights that are measured and written lie between the start's (0) and the trained ones (1). Below 1
    only with a rehearsal_share. Not in the paper."""
    most_forgotten: NonNegativeFloat = 0.05
    """How far the loss on the rehearsal's validation rows may rise above the start's, as a share of it."""
    patience: NonNegativeInt = 0
    """Measurements without a better state after which the stage ends early; 0: it never does."""
    save_every: PositiveInt = 100
    """Steps between saved states. The state is also saved every minute."""
    seed: int = 0


def load_stage(name: str, overrides: list[str]) -> StageConfig:
    """Load a shipped stage by name, or a TOML file by path.

    Raises:
        ConfigError: the stage does not exist or is not valid.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.is_file():
        shipped = ", ".join(sorted(p.stem for p in FOLDER.glob("*.toml")))
        raise ConfigError(name, [f"is not a stage; use {shipped}, or a file that ends in .toml"])
    config = load_config(StageConfig, path, overrides)
    problems = _conflicts(config)
    if problems:
        raise ConfigError(str(path), problems)
    return config


def _conflicts(config: StageConfig) -> list[str]:
    """Return a sentence for each setting that contradicts another."""
    answers, rehearses = config.objective == "answers", config.rehearsal_share > 0
    checks = (
        (not config.trains, "trains is empty"),
        (
            config.together > 1 and config.packing,
            "packing must be 0 where together is above 1: rows of one recording already share a sequence",
        ),
        (
            rehearses and (config.sharding or not answers or not config.evaluate_every),
            'rehearsal_share above 0 needs objective "answers", evaluate_every above 0 and no sharding',
        ),
        (
            not 0 < config.blend <= 1 or (config.blend < 1 and not rehearses),
            "blend must be above 0 and at most 1, and 1 without a rehearsal_share",
        ),
        (
            config.mixtures and not rehearses,
            "mixtures need a rehearsal_share above 0: they are made of the scenes to rehearse",
        ),
        (rehearses and config.batch_size < 2, "rehearsal_share above 0 needs a batch_size of at least 2"),
        (config.sharding and not answers, 'sharding needs objective "answers"'),
        (
            config.markers in ("initialised", "random") and not answers,
            f'markers "{config.markers}" needs objective "answers": no other one changes the language model',
        ),
        (config.anchor_seconds and config.markers == "none", 'anchor_seconds needs markers, but markers is "none"'),
    )
    untrained = [
        f"rates: {part} does not train; --set 'rates={{}}' removes all rates"
        for part in config.rates
        if part not in config.trains
    ]
    return [*untrained, *(message for is_wrong, message in checks if is_wrong)]
