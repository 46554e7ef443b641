"""The confidence of intervals: its features, its calibration, and when there is none."""

import json
import math
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.audio.waveform import Waveform
from model.checkpoint import CALIBRATION, WORDS, load_checkpoint, save_checkpoint
from model.confidence import FEATURES, FLOOR, MARGIN, Calibration, Features, Logistic, features_of
from model.engine.updates import Answered, Found
from model.errors import CheckpointError
from model.language.decoding import Decoding
from model.pipeline import Pipeline
from model.presence import Continuation, Presence
from model.task_params import TaskParams
from model.timeline.event import Event
from model.timeline.interval import Interval, union
from tests.factories import identity_map, small_model
from tests.tiny_models import TIMED

EVEN = Logistic(0.5, (0.1, 0.1, 0.2, 0.05, 0.3, 0.4))
log_probs = st.floats(FLOOR, 0)
features = st.builds(Features, log_probs, log_probs, log_probs, log_probs, st.floats(-2.4, 5), st.floats(-1, 1))

# "0.0 - 2.5, 3.0 - 4.0 w w <2.0 - 1.0> 12.0 - 13.5 w", with the log-probability of each token.
ANSWER = [
    *((10, -0.1), (20, -0.2), (30, -9.0), (31, -9.0), (30, -9.0), (12, -0.3), (25, -0.4)), (32, -5.0),
    *((13, -0.5), (20, -0.6), (30, 0.0), (31, 0.0), (30, 0.0), (14, -0.7), (20, -0.8)), (33, -1.0), (34, -3.0),
    *((12, 0.0), (20, 0.0), (30, 0.0), (31, 0.0), (30, 0.0), (11, 0.0), (20, 0.0)), (32, 0.0),
    *((11, 0.0), (12, -20.0), (20, 0.0), (30, 0.0), (31, 0.0), (30, 0.0), (11, 0.0), (13, -0.5), (25, -0.5)),
    (35, -2.0),
]  # fmt: skip
EVENTS = [Event((Interval(0, 25), Interval(30, 40)), "w w"), Event((Interval(120, 135),), "w")]


def evidence(event: Event, interval: Interval) -> float:
    """Tells which event and interval was compared."""
    return len(event.caption) + interval.start / 100


def test_features_computed_by_hand() -> None:
    ids, known = zip(*ANSWER, strict=True)
    (first, second), (third,) = features_of(EVENTS, ids, known, TIMED, "dense_caption", evidence)
    assert astuple(first) == pytest.approx((-0.3, -0.7, -2.0, -3.0, math.log(2.5), 3.0))
    assert astuple(second) == pytest.approx((-1.1, -1.5, -2.0, -3.0, 0.0, 3.3))
    assert astuple(third) == pytest.approx((FLOOR, -1.0, -2.0, -2.0, math.log(1.5), 2.2))


def test_grounding_takes_the_words_before_the_first_time() -> None:
    before = [(33, -0.25), (34, -0.75)]
    ids, known = zip(*before, *ANSWER, strict=True)
    rows = features_of(
        [Event((interval,), "") for e in EVENTS for interval in e.intervals], ids, known, TIMED, "ground", evidence
    )
    assert [(f.words, f.least) for (f,) in rows] == [(-0.5, -0.75)] * 3


def test_tokens_that_close_a_cut_answer_get_the_lowest_probability() -> None:
    ids, known = zip(*ANSWER[:8], strict=True)
    [(row,)] = features_of([Event((Interval(0, 25),), "")], ids, known[:6], TIMED, "ask", evidence)
    assert (row.start, row.end, row.words) == (pytest.approx(-0.3), FLOOR, FLOOR)


def test_an_interval_with_other_separator_tokens_has_only_its_length() -> None:
    spelled = [*ANSWER[:2], (31, -0.1), *ANSWER[5:8], *ANSWER[8:]]  # "0.0 - 2.5" in other tokens, then "3.0 - 4.0 w w"
    ids, known = zip(*spelled, strict=True)
    odd, plain = features_of([Event((i,), "") for i in EVENTS[0].intervals], ids, known, TIMED, "ask", evidence)
    assert odd == (Features(FLOOR, FLOOR, FLOOR, FLOOR, pytest.approx(math.log(2.5)), 0.0),)
    assert plain[0].start == pytest.approx(-1.1)


def test_a_logistic_function_computed_by_hand() -> None:
    score = 0.5 + 0.1 * -1 + 0.1 * -2 + 0.2 * -0.5 + 0.05 * -1 + 0.3 * 1 + 0.4 * 0.5
    assert EVEN(Features(-1, -2, -0.5, -1, 1, 0.5)) == round(1 / (1 + math.exp(-score)), 3)
    assert Logistic(1000, (0,) * 6)(Features(0, 0, 0, 0, 0, 0)) == 1 - MARGIN
    assert Logistic(-1000, (0,) * 6)(Features(0, 0, 0, 0, 0, 0)) == MARGIN


@given(features, st.sampled_from([name for name in FEATURES if name not in ("length", "evidence")]), log_probs)
def test_more_certain_tokens_never_lower_the_confidence(known: Features, name: str, other: float) -> None:
    low, high = sorted((getattr(known, name), other))
    assert EVEN(replace(known, **{name: low})) <= EVEN(replace(known, **{name: high}))


@given(features)
def test_the_confidence_is_between_zero_and_one(known: Features) -> None:
    assert 0 < EVEN(known) < 1


def test_an_uncalibrated_task_has_no_confidence() -> None:
    ids, known = zip(*ANSWER, strict=True)
    calibration = Calibration({"ground": EVEN})
    rows = features_of(EVENTS, ids, known, TIMED, "dense_caption", evidence)
    events = calibration.with_confidence(EVENTS, rows, "dense_caption")
    assert [i.confidence for e in events for i in e.intervals] == [None] * 3
    events = Calibration({"dense_caption": EVEN}).with_confidence(EVENTS, rows, "dense_caption")
    assert [i.confidence for e in events for i in e.intervals] == [EVEN(f) for row in rows for f in row]


def test_joined_intervals_have_the_lower_confidence() -> None:
    interval = Interval(10, 20, 0.9)
    assert interval.shift(5).confidence == 0.9
    assert interval == Interval(10, 20)
    joined = union([interval, Interval(15, 30, 0.4), Interval(50, 60, 0.7), Interval(55, 61)])
    assert [(i.start, i.end, i.confidence) for i in joined] == [(10, 30, 0.4), (50, 61, None)]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(path, *small_model(), dtype=torch.float32)
    return path


def test_only_a_calibrated_checkpoint_has_a_calibration(directory: Path) -> None:
    assert load_checkpoint(directory)[0].calibration is None
    Calibration({"ground": EVEN}).write(directory / CALIBRATION, {"scenes": 1})
    with pytest.raises(CheckpointError, match=WORDS):
        load_checkpoint(directory)
    identity_map().write(directory / WORDS)
    model, tokenizer = load_checkpoint(directory)
    assert model.calibration == Calibration({"ground": EVEN})
    save_checkpoint(directory, model, tokenizer, dtype=torch.float32)  # the weights may have changed
    assert not (directory / CALIBRATION).exists()
    assert not (directory / WORDS).exists()


@pytest.mark.parametrize(
    "change", [{"features": ["start"]}, {"tasks": {"ground": {"bias": 0.0, "weights": [1.0]}}}, {"tasks": None}]
)
def test_an_invalid_calibration_file_is_an_error(tmp_path: Path, change: dict) -> None:
    path = tmp_path / CALIBRATION
    Calibration({"ground": EVEN}).write(path, {})
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(CheckpointError, match="timeaudio calibrate"):
        Calibration.read(path)
    path.write_text("{")
    with pytest.raises(CheckpointError, match="timeaudio calibrate"):
        Calibration.read(path)


def test_a_calibration_of_another_tokenizer_is_an_error(directory: Path) -> None:
    size = len(load_checkpoint(directory)[1])
    identity_map().write(directory / WORDS)
    for presence, continuation in (
        ({"ground": Presence(0.0, 1.0, 1.0, (1,), size)}, {}),
        ({"ground": Presence(0.0, 1.0, 1.0, (1,), 2)}, {"ground": Continuation(0.0, 1.0, 1.0, size)}),
    ):
        calibration = Calibration({"ground": EVEN}, presence=presence, continuation=continuation)
        calibration.write(directory / CALIBRATION, {})
        with pytest.raises(CheckpointError, match="another tokenizer"):
            load_checkpoint(directory)


@pytest.mark.parametrize("calibration", [None, Calibration({"ground": EVEN})])
def test_streamed_events_have_the_same_confidence_as_the_answer(calibration: Calibration | None) -> None:
    model, tokenizer = small_model()
    model.calibration = calibration
    session = Pipeline(model, tokenizer, num_slots=4).session()
    assert session.calibrated == (() if calibration is None else ("ground",))
    sound = Waveform((np.random.default_rng(0).standard_normal(192_000) * 0.1).astype(np.float32))
    wild = Decoding(max_new_tokens=150, temperature=50.0, seed=1)  # all tokens are almost equally likely
    session.submit(sound, TaskParams(task="ground", queries=("a", "b", "c"), decoding=wild))
    updates = [update for _ in iter(lambda: session.is_idle, True) for _, update in session.step()]
    num_events = 0
    for answer in [update for update in updates if isinstance(update, Answered)]:
        early = [u.event for u in updates if isinstance(u, Found) and u.index == answer.index]
        sure = [[i.confidence for i in event.intervals] for event in answer.answer.events]
        assert [[i.confidence for i in event.intervals] for event in early] == sure
        assert all((value is None) == (calibration is None) for row in sure for value in row)
        num_events += len(early)
    assert num_events >= 5
