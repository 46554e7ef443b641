"""The paths and settings of a stage, checked before it runs."""

from dataclasses import replace
from pathlib import Path

import pytest

from training.data.recordings import DataError
from training.job import TrainingJob, check_job, check_stage_config
from training.outcome import remark
from training.run_state import RunState
from training.stages import load_stage


@pytest.fixture
def job(tmp_path: Path) -> TrainingJob:
    for name in ("data.jsonl", "validation.jsonl", "other.jsonl"):
        (tmp_path / name).write_text(name)
    return TrainingJob(
        data=tmp_path / "data.jsonl", start=tmp_path, run=tmp_path / "run", out=tmp_path / "out",
        validation=tmp_path / "validation.jsonl",
    )  # fmt: skip


def test_rows_to_validate_on_are_refused_by_a_stage_that_measures_none(job: TrainingJob) -> None:
    check_job(job, load_stage("few-clips", []))
    for stage in ("small-1", "align", "imitate"):
        with pytest.raises(DataError, match="leave out --validation"):
            check_job(job, load_stage(stage, []))
        assert "measures none" in remark(RunState(step=9), load_stage(stage, []))


def test_a_run_does_not_continue_with_other_rows_to_validate_on(job: TrainingJob) -> None:
    config = load_stage("few-clips", [])
    check_stage_config(job, config)
    check_stage_config(job, config)
    for other in (None, job.data.with_name("other.jsonl")):
        with pytest.raises(DataError, match="differs in validation"):
            check_stage_config(replace(job, validation=other), config)
