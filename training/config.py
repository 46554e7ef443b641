"""Which recordings scenes are composed from, as data: read by `training.run_file` from TOML."""

from dataclasses import dataclass, field

from training.data.composer import SceneConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """Which recordings, and how they are varied."""

    train_folds: tuple[int, ...] = (1, 2, 3)
    validation_folds: tuple[int, ...] = (4,)
    speeds: tuple[float, ...] = (1.0,)
    """Each training recording is also there at these speeds (pitch moves with it)."""
    other_kinds: bool = True
    """Whether the kinds outside of ESC-10 take part."""
    scene: SceneConfig = field(default_factory=SceneConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """What `training.baseline` trains on."""

    data: DataConfig
