"""Fit the confidence of summaries on recordings whose words are known: `timeaudio calibrate --summaries`.

A section is right if at least half of its caption's content words are said in its interval. Recordings of sounds
show what the transcriber recognises where nobody speaks; recordings with unknown speech are left out.
"""

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from model.audio.decode import decode_audio
from model.checkpoint import CALIBRATION
from model.confidence import FEATURES, Calibration, Features, Logistic
from model.engine.summary import read_words, section_features
from model.pipeline import Pipeline
from model.timeline.interval import Interval
from model.timeline.sections import FOREIGN, divide
from model.timeline.words import OTHER_LANGUAGE
from training.data.manifest import Row
from training.data.recordings import DataError
from training.data.validate import read_manifest
from training.logistic import fit
from training.metrics.calibration import CalibrationSample, expected_calibration_error
from training.metrics.content import content_words, share_found
from training.scoring import SURE
from training.transcription import transcribed_rows

RIGHT_SHARE = 0.5
MARGIN_S = 0.5
MAX_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class ScoredSection:
    """One section of a summary, and whether it was right."""

    features: Features
    is_right: bool


def scored_sections(pipeline: Pipeline, manifest: Path) -> list[list[ScoredSection]]:
    """Return the sections that a checkpoint reports about each recording of a manifest.

    Raises:
        DataError: the checkpoint has no transcriber.
    """
    if pipeline.model.transcriber is None:
        raise DataError(f"{pipeline.name} has no transcriber: --summaries calibrates only summaries by a transcriber.")
    rows = transcribed_rows(read_manifest(manifest))
    found: list[list[ScoredSection]] = []
    for row in track(rows, description=manifest.stem, console=Console(stderr=True)):
        waveform = decode_audio(row.path(manifest.parent).read_bytes(), max_seconds=MAX_SECONDS)
        recording = pipeline.encode(waveform)
        assert recording.speech is not None, "the checkpoint has a transcriber"
        found.append([])
        for section in divide(read_words(pipeline.model.transcriber, recording.speech)):
            interval = section.interval(recording.duration)
            features = section_features(section, interval)
            found[-1].append(ScoredSection(features, is_right(section.caption, interval, row)))
    return found


def is_right(caption: str, interval: Interval, row: Row) -> bool:
    """Return whether a caption matches what is said in an interval of a recording with known words."""
    said = [
        word.text for word in row.words
        if word.end > interval.start_s - MARGIN_S and word.start < interval.end_s + MARGIN_S
    ]  # fmt: skip
    if caption == FOREIGN:
        return 2 * said.count(OTHER_LANGUAGE) > len(said)
    share = share_found([caption], said)
    return bool(content_words(said)) and (share is None or share >= RIGHT_SHARE)


def fit_summaries(scored: Sequence[ScoredSection]) -> Logistic:
    """Fit the function from features to confidence.

    Raises:
        DataError: all sections are right, or all are wrong.
    """
    if len({each.is_right for each in scored}) < 2:
        raise DataError("--summaries needs right and wrong sections: add recordings of sounds, or of other languages.")
    bias, weights = fit(
        np.array([astuple(each.features) for each in scored]), np.array([each.is_right for each in scored]),
        positive=np.array([name != "length" for name in FEATURES]),
    )  # fmt: skip
    return Logistic(bias, weights)


def run(directory: Path, manifests: Sequence[Path], out: Path) -> int:
    """Add the confidence of summaries to a checkpoint's calibration, and print how good it is.

    Every second recording is for fitting, the others are for measuring.

    Raises:
        DataError: the checkpoint has no transcriber, or all sections are right, or all are wrong.
    """
    pipeline = Pipeline.load(directory)
    recordings = [each for manifest in manifests for each in scored_sections(pipeline, manifest)]
    fitted_on, others = ([each for some in recordings[half::2] for each in some] for half in (0, 1))
    confidence = fit_summaries(fitted_on)
    measured = [CalibrationSample(confidence(each.features), each.is_right) for each in others]
    sure = [sample.is_right for sample in measured if sample.confidence >= SURE]
    about = {
        "fitted_on": len(fitted_on), "measured": len(measured), "sure": len(sure),
        "right": round(sum(sample.is_right for sample in measured) / max(1, len(measured)), 4),
        "sure_right": round(sum(sure) / max(1, len(sure)), 4),
        "ece": round(expected_calibration_error(measured) or 0.0, 4),
    }  # fmt: skip
    before = pipeline.model.calibration or Calibration({})
    path = directory / CALIBRATION
    known = json.loads(path.read_text(encoding="utf-8"))["about"] if path.is_file() else {}
    replace(before, tasks=before.tasks | {"summarize": confidence}).write(out, known | {"summaries": about})
    print(f"{len(measured)} sections, {100 * about['right']:.1f} % of them right; ECE {100 * about['ece']:.1f} %;")
    print(f"{about['sure']} with a confidence of {SURE} or more, {100 * about['sure_right']:.1f} % of them right.")
    print(f"Written to {out}.")
    return 0
