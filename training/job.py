"""What a stage trains on and writes, and the settings that identify its run."""

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path

from training.data.recordings import DataError
from training.out_of_fold import check_out_of_fold
from training.run_state import check_run_config
from training.stages import StageConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingJob:
    """A stage's paths: manifests, checkpoints, and the folders of its state and features."""

    data: Path
    start: Path
    run: Path
    out: Path
    validation: Path | None = None
    cache: Path | None = None
    device: str | None = None
    rehearse: Path | None = None
    """Manifest of sounds that the start checkpoint knows; None: the set that comes with the package."""
    out_of_fold: Path | None = None
    """Manifest of more rows to train on, whose audio tokens come from the connector of `imitation`."""
    imitation: Path | None = None
    encoders: Path | None = None
    """Checkpoint whose encoders an imitation uses in place of the start's."""
    whisper: Path | None = None
    """Whole Whisper checkpoint, whose upper layers a transcriber starts from."""
    lexicon: Path | None = None
    """Words that the transcriber may recognise; None: those of the start, if it has any."""


def check_job(job: TrainingJob, config: StageConfig) -> None:
    """Raise a DataError if the paths do not fit the stage."""
    out = job.out
    is_taken = out.is_file() or (out.is_dir() and any(out.iterdir()) and not (out / "config.json").is_file())
    if job.run.resolve().is_relative_to(out.resolve()):
        raise DataError(f"The run folder {job.run} is inside {out}: choose another folder with --out.")
    if is_taken:
        raise DataError(f"{out} holds something other than a checkpoint: choose another folder with --out.")
    if (job.whisper or job.lexicon) and config.objective != "transcription":
        raise DataError("--whisper and --lexicon are for the stage `words`.")
    if job.encoders and config.objective != "imitation":
        raise DataError("--encoders is for the stage `imitate`.")
    if job.validation and not config.evaluate_every:
        raise DataError("This stage measures nothing while it trains: leave out --validation.")
    if job.rehearse and not config.rehearsal_share:
        raise DataError("This stage does not rehearse: leave out --rehearse, or use --stage few-clips.")
    check_out_of_fold(job.out_of_fold, job.imitation, config)


def check_stage_config(job: TrainingJob, config: StageConfig) -> None:
    """Record a run's data, start checkpoint and stage in its folder.

    Raises:
        DataError: the folder holds a run with other settings.
    """
    settings = {
        "data": _digest(job.data), "from": str(job.start.resolve()), "rehearse": _digest(job.rehearse),
        "out_of_fold": _digest(job.out_of_fold), "imitation": str(job.imitation.resolve()) if job.imitation else "",
        "encoders": str(job.encoders.resolve()) if job.encoders else "", "validation": _digest(job.validation),
        "whisper": str(job.whisper.resolve()) if job.whisper else "", "lexicon": _digest(job.lexicon),
        **dataclasses.asdict(config),
    }  # fmt: skip
    check_run_config(job.run / "run.json", settings)


def _digest(path: Path | None) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path else ""
