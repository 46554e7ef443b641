"""Fitting confidence: the regression, the halves of the data, and the command."""

import csv
import json
import math
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from model.checkpoint import CALIBRATION
from model.confidence import Calibration, Features
from training.calibrate import Told, calibrate, main, measure
from training.config import DataConfig
from training.data.pools import halves
from training.data.recordings import DataError
from training.logistic import fit

RECORDINGS = Path(__file__).parents[3] / "server" / "recordings"


def told(seed: int, number: int = 3000) -> list[Told]:
    """Intervals that are right as often as a known function says."""
    rng = np.random.default_rng(seed)
    found = []
    for row in -3 * rng.random((number, 5)):
        share = 1 / (1 + math.exp(-(2.5 + row[0] + 0.5 * row[2])))
        found.append(Told("dense_caption", Features(*map(float, row)), bool(rng.random() < share)))
    return found


def test_two_groups_get_their_shares() -> None:
    features = np.repeat([[0.0], [1.0]], 100, axis=0)
    right = np.array([i % 5 == 0 for i in range(100)] + [i % 5 != 0 for i in range(100)])  # 20 % and 80 %
    bias, (weight,) = fit(features, right, positive=np.array([True]))
    shares = [1 / (1 + math.exp(-(bias + weight * x))) for x in (0, 1)]
    assert shares == pytest.approx([0.2, 0.8], abs=0.005)
    _, (held,) = fit(1 - features, right, positive=np.array([True]))
    assert held == 0.0
    _, (free,) = fit(1 - features, right, positive=np.array([False]))
    assert free == pytest.approx(-weight, abs=1e-4)


def test_what_is_fitted_on_some_holds_for_others() -> None:
    calibration = calibrate(told(0))
    assert calibration.tasks.keys() == {"dense_caption"}  # nothing was told of the other
    for row in measure(calibration, told(1)):
        assert row.intervals == 3000
        assert row.mean == pytest.approx(row.right, abs=0.03)
        assert row.ece is not None
        assert row.raw_ece is not None
        assert row.ece < 0.04 < row.raw_ece
        assert row.auc is not None
        assert row.auc > 0.65


def test_the_command_writes_what_a_checkpoint_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "told.json"
    asked = {"model": str(tmp_path.resolve()), "scenes": 700, "seed": 11, "folds": [4], "max_events": 4}

    def keep(halves: list[list[Told]]) -> None:
        rows = [[(t.task, astuple(t.features), t.is_right) for t in half] for half in halves]
        kept.write_text(json.dumps({"setting": asked, "halves": rows}))

    keep([told(0), told(1)])
    words = ["--data", str(tmp_path), "--model", str(tmp_path), "--told", str(kept)]
    assert main(words) == 0
    assert Calibration.read(tmp_path / CALIBRATION) == calibrate(told(0))
    about = json.loads((tmp_path / CALIBRATION).read_text())["about"]
    assert (about["fitted_on"], about["measured"][0]["intervals"]) == (3000, 3000)
    assert main([*words, "--scenes", "2"]) == 2
    assert "name another file with --told" in capsys.readouterr().err
    keep([[], []])
    assert main(words) == 2
    assert main([*words[:4], "--scenes", "2"]) == 2
    assert "meta/esc50.csv" in capsys.readouterr().err


def test_halves_share_no_source(tmp_path: Path) -> None:
    (tmp_path / "audio").mkdir()
    rows = []
    for number, source in enumerate("aabbc"):
        name = f"{number}.flac"
        (tmp_path / "audio" / name).write_bytes((RECORDINGS / "dog-barking.flac").read_bytes())
        rows.append({"filename": name, "category": "dog", "fold": 4, "subset": "esc10", "source": source})

    def write(rows: list[dict[str, object]]) -> None:
        with (tmp_path / "clips.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)

    write(rows)
    one, other = halves(tmp_path, DataConfig(validation_folds=(4,)))
    assert (len(one.parts["dog"]), len(other.parts["dog"])) == (3, 2)  # a and c, and b
    write(rows[:2])
    with pytest.raises(DataError, match="Two sources"):
        halves(tmp_path, DataConfig(validation_folds=(4,)))
