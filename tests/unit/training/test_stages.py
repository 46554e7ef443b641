"""Stages as data: what they are, and which rows a step and a measurement see."""

from dataclasses import replace

import pytest

from training.data.manifest import Row
from training.run_file import ConfigError
from training.stage_data import BatchSampler
from training.stage_loop import learning_rate_at
from training.stage_rows import select_validation_rows, split_validation
from training.stages import FOLDER, StageConfig, load_stage

SHIPPED = ["ablation", "adapt", "align", "few-clips", "imitate", "paper-1", "paper-2", "small-1", "words"]


def test_states_are_compared_on_rows_of_all_tasks_whatever_their_order():
    rows = [Row(id=f"{task}-{n}", audio="a", task=task, duration=1.0) for task in ("ground", "ask") for n in range(40)]
    chosen = select_validation_rows(
        [*rows, replace(rows[0], id="long", duration=1000.0)], StageConfig(validation_rows=20)
    )
    assert len(chosen) == 20
    assert {row.task for row in chosen} == {"ground", "ask"}
    assert chosen == select_validation_rows(rows[::-1], StageConfig(validation_rows=20))


def test_values_that_would_fail_late_are_refused_at_once():
    objectives = "'answers', 'alignment', 'imitation' or 'transcription'"
    for stage, change, says in [
        ("adapt", "save_every = 0", "save_every must be above 0"),
        ("adapt", "steps = -3", "steps must be at least 0"),
        ("adapt", 'rates.lora = "x"', "rates.lora must be of type float, not 'x'"),
        ("adapt", "together = 0", "together must be above 0"),
        ("adapt", 'objective = "guessing"', f"objective must be one of {objectives}, not 'guessing'"),
        ("adapt", "steps=five", "--set steps=five: not TOML"),
        ("small-1", "packing = 512", "packing must be 0 where together is above 1"),
        ("align", 'trains = ["connector"]', "rates: time_encoding does not train; --set 'rates={}' removes all rates"),
    ]:
        with pytest.raises(ConfigError, match=says):
            load_stage(stage, [change])
    assert load_stage("align", ['trains = ["connector"]', "rates={}"]).rates == {}


def test_all_problems_of_a_stage_are_reported_at_once(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('steps = "many"\nextra = 1\n[lora]\ntargets = [3]\n')
    with pytest.raises(ConfigError) as caught:
        load_stage(str(path), [])
    assert sorted(caught.value.problems) == [
        "extra is not known",
        "lora.targets must be of type str, not 3",
        "steps must be of type int, not 'many'",
    ]


def test_every_row_comes_once_an_epoch_among_rows_of_like_length():
    rows = [Row(id=str(n), audio="x", task="ground", duration=float(n % 40)) for n in range(200)]
    batches = BatchSampler(rows, 8, seed=1)
    epoch = [batches.at(step) for step in range(batches.steps_per_epoch)]
    assert sorted(int(r.id) for b in epoch for r in b) == list(range(200))
    spread = max(max(r.duration for r in b) - min(r.duration for r in b) for b in epoch)
    assert spread <= 3  # in any order it would be near 40
    assert [r.id for r in BatchSampler(rows, 8, seed=1).at(30)] == [r.id for r in batches.at(30)]
    assert [r.id for r in batches.at(0)] != [r.id for r in batches.at(25)]
    few = BatchSampler(rows[:3], 8, seed=1).at(0)
    assert (len(few), {r.id for r in few}) == (8, {"0", "1", "2"})


def rows_about(*counts):
    """So many rows about each recording, whose name is its number."""
    return [
        Row(id=f"{n}-{k}", audio=str(n), task="ground", duration=float(1 + n % 3))
        for n, count in enumerate(counts)
        for k in range(count)
    ]


def test_rows_of_a_recording_are_in_one_batch():
    rows = rows_about(*[4] * 40)
    batches = BatchSampler(rows, 16, seed=2, together=4)
    for epoch in range(2):
        seen = [batches.at(epoch * batches.steps_per_epoch + step) for step in range(batches.steps_per_epoch)]
        assert sorted(row.id for batch in seen for row in batch) == sorted(row.id for row in rows)
        assert {len({row.audio for row in batch}) for batch in seen} == {4}
        for batch in seen:
            places = [[n for n, row in enumerate(batch) if row.audio == name] for name in {r.audio for r in batch}]
            assert all(max(some) - min(some) == 3 for some in places), "side by side: a micro-batch has them too"
    alone = BatchSampler(rows, 16, seed=2)
    assert max(len({row.audio for row in alone.at(step)}) for step in range(10)) > 8
    assert [r.id for r in BatchSampler(rows, 16, seed=2, together=4).at(7)] == [r.id for r in batches.at(7)]


def test_at_most_together_rows_share_a_batch_and_every_row_comes_once():
    rows = rows_about(*[1, 9, 3, 8, 5] * 12)
    batches = BatchSampler(rows, 8, seed=3, together=4)
    order = [row for step in range(batches.steps_per_epoch) for row in batches.at(step)]
    assert {row.id for row in order} == {row.id for row in rows}
    twice = len(order) - len(rows)
    assert 0 <= twice < 8, "the last batch is filled up"
    assert len({row.id for row in order}) == len(order) - twice
    recordings = [len({row.audio for row in batches.at(step)}) for step in range(batches.steps_per_epoch)]
    apart = BatchSampler(rows, 8, seed=3)
    assert sum(recordings) < 0.6 * sum(len({r.audio for r in apart.at(s)}) for s in range(apart.steps_per_epoch))
    assert min(recordings) > 1, "nine rows of one recording are no batch"


def test_the_rate_rises_from_the_warm_ups_and_falls_to_the_final_one():
    config = StageConfig(learning_rate=1e-2, warmup_learning_rate=1e-4, final_learning_rate=1e-3, warmup_steps=10)
    rates = [learning_rate_at(step, config, 100) for step in range(100)]
    assert rates[0] == pytest.approx(1e-4)
    assert rates[10] == max(rates) == pytest.approx(1e-2)
    assert rates[99] == pytest.approx(1e-3)
    assert learning_rate_at(3, replace(config, warmup_steps=500), 4) < 1e-2


def test_the_papers_stages_are_table_5s():
    one, two = load_stage("paper-1", []), load_stage("paper-2", [])
    assert (one.epochs, one.batch_size, one.learning_rate, one.warmup_learning_rate) == (10, 48, 3e-5, 1e-6)
    assert (two.epochs, two.batch_size, two.learning_rate, two.warmup_learning_rate) == (3, 24, 1e-5, 1e-7)
    assert set(two.trains) == {"lora", "connector"}
    assert {(s.lora.rank, s.lora.alpha, s.weight_decay, s.betas) for s in (one, two)} == {(8, 32, 0.05, (0.9, 0.999))}
    assert sorted(path.stem for path in FOLDER.glob("*.toml")) == SHIPPED
    assert [load_stage(name, []).objective for name in SHIPPED] == [
        {"align": "alignment", "words": "transcription", "imitate": "imitation"}.get(n, "answers") for n in SHIPPED
    ]
    for wrong in ("trains = ['ears']", "rates = {ears = 2.0}", "batch_size = 0"):
        with pytest.raises(ConfigError):
            load_stage("adapt", [wrong])
    with pytest.raises(ConfigError, match=", ".join(SHIPPED)):
        load_stage("paper-3", [])


def test_rows_are_held_out_by_recording():
    rows = [Row(id=f"{n}-{k}", audio=f"{n}.wav", task="ground") for n in range(20) for k in range(3)]
    kept, held = split_validation(rows)
    assert len(held) == 6
    assert not {r.audio for r in kept} & {r.audio for r in held}
    assert split_validation(rows[:3]) == (rows[:3], [])
