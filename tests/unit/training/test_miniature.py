"""The pipeline of `make miniature`, as far as it is quick: its data, its stages, and how it tells that a loss fell."""

import json
from pathlib import Path

import pytest

from training.data.validate import read_manifest
from training.miniature import build, quarter_losses, stages


@pytest.mark.timeout(240)
def test_the_data_hold_all_four_tasks_and_the_test_is_composed_anew(tmp_path):
    manifests = build(tmp_path, "tones", scale=0.1)
    rows = {name: read_manifest(path) for name, path in manifests.items()}
    for name in rows:
        assert {row.task for row in rows[name]} == {"dense_caption", "ground", "summarize", "ask"}
    trained = {Path(row.audio).read_bytes() for name in ("stage-1", "stage-2") for row in rows[name]}
    assert not trained & {Path(row.audio).read_bytes() for row in rows["test"]}
    assert max(row.duration or 0.0 for row in rows["stage-2"]) > 30


def test_the_stages_are_the_papers_but_small():
    small = stages(7)
    assert {c.steps for c in small.values()} == {7}
    assert set(small["stage-2"].trains) == {"lora", "connector"}
    assert small["stage-2"].learning_rate < small["stage-1"].learning_rate


def test_a_loss_falls_from_the_first_quarter_to_the_last(tmp_path):
    lines = [{"step": n, "loss": 8.0 - n} for n in range(8)] + [{"step": 7, "metric": 99.0}]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert quarter_losses(tmp_path) == (7.5, 1.5)
