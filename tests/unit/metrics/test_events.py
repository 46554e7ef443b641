"""Event scores, computed by hand. In each case a plausible wrong definition would give another number."""

import itertools
import random

import pytest

from training.metrics.events import (
    Counts,
    ScoredScene,
    Sound,
    clip_counts,
    clip_macro_f1,
    event_counts,
    segment_counts,
    total,
)


def scene(reference: list[tuple[str, float, float]], predicted: list[tuple[str | None, float, float]]) -> ScoredScene:
    return ScoredScene(tuple(Sound(*row) for row in reference), tuple(Sound(*row) for row in predicted))


def found(reference: tuple[float, float], predicted: tuple[float, float]) -> bool:
    return event_counts(scene([("dog", *reference)], [("dog", *predicted)])).num_correct == 1


def test_a_start_may_be_off_by_at_most_the_collar() -> None:
    for start, is_found in [(0.79, False), (0.8, True), (0.8000001, True), (1.0, True), (1.2, True), (1.21, False)]:
        assert found((1.0, 3.0), (start, 3.0)) is is_found
    assert not found((2.0, 7.0), (2.5, 7.0)), "a fifth of the length does not apply to starts"


def test_float_noise_does_not_move_the_collar() -> None:
    # 0.3 - 0.1 is 0.19999999999999998, 1.2 - 1.0 is 0.19999999999999996, 4.4 - 4.2 is 0.20000000000000018.
    for tenths in range(2, 100_000, 211):
        assert found((tenths / 10, 20_000.0), ((tenths + 2) / 10, 20_000.0))
        assert found((tenths / 10, 20_000.0), ((tenths - 2) / 10, 20_000.0))
        assert not found((tenths / 10, 20_000.0), ((tenths + 3) / 10, 20_000.0))
    assert found((1.0, 3.0), (1.2000001, 3.0))
    assert found((0.1 + 0.2, 3.0), (0.5, 3.0))


def test_an_end_may_be_off_by_the_collar_or_a_fifth_of_the_length() -> None:
    for length, late, is_found in [
        (0.5, 0.2, True),  # only 20 % would allow 0.1
        (0.5, 0.21, False),
        (0.5, -0.2, True),
        (1.0, 0.2, True),
        (5.0, 0.2, True),
        (5.0, 1.0, True),  # only 0.2 s would reject it
        (5.0, -1.0, True),
        (5.0, 1.01, False),  # 20 % of the predicted length, 6.01 s, would allow 1.2
        (5.0, -1.01, False),
    ]:
        assert found((2.0, 2.0 + length), (2.0, 2.0 + length + late)) is is_found


def test_kinds_must_be_equal_and_unknown_kinds_never_match() -> None:
    assert event_counts(scene([("dog", 0, 1)], [("cat", 0, 1)])) == Counts(0, 1, 1)
    assert event_counts(scene([("dog", 0, 1)], [(None, 0, 1)])) == Counts(0, 1, 1)
    nameless = Sound(None, 0, 1)
    assert event_counts(ScoredScene((nameless,), (nameless,))) == Counts(0, 1, 1)


def test_matching_equals_trying_every_assignment() -> None:
    # Checking for each reference whether any prediction fits would give 2.
    assert event_counts(scene([("dog", 1.0, 2.0), ("dog", 1.2, 2.2)], [("dog", 1.1, 2.1)])) == Counts(1, 2, 1)
    assert event_counts(scene([("dog", 1.1, 2.1)], [("dog", 1.0, 2.0), ("dog", 1.2, 2.2)])) == Counts(1, 1, 2)
    # The first reference fits both predictions, the second only the first. Greedy matching would find one.
    both = scene([("dog", 1.0, 2.0), ("dog", 0.7, 1.7)], [("dog", 0.9, 1.9), ("dog", 1.1, 2.1)])
    assert event_counts(both) == Counts(2, 2, 2)
    chance = random.Random(3)
    for _ in range(100):
        rows = [
            [(chance.choice("ab"), start := chance.randrange(8) / 10, start + 1) for _ in range(chance.randrange(5))]
            for _ in range(2)
        ]
        reference, predicted = rows
        fits = {
            (i, j)
            for i, r in enumerate(reference)
            for j, p in enumerate(predicted)
            if event_counts(scene([r], [p])).num_correct
        }
        slots = [*range(len(predicted)), *[-1] * len(reference)]
        best = max(
            sum((i, j) in fits for i, j in enumerate(choice))
            for choice in itertools.permutations(slots, len(reference))
        )
        assert event_counts(scene(rows[0], [*rows[1]])).num_correct == best


def test_micro_f1_pools_the_counts_of_all_scenes() -> None:
    scenes = [
        scene([("dog", 0, 1)], [("dog", 0, 1)]),
        scene([("dog", 0, 1), ("rain", 2, 3), ("rain", 5, 6)], [("dog", 0, 1), ("rain", 8, 9)]),
    ]
    pooled = total(event_counts(s) for s in scenes)
    assert pooled == Counts(2, 4, 3)
    assert (pooled.precision, pooled.recall) == (2 / 3, 1 / 2)
    assert pooled.f1 == pytest.approx(4 / 7)  # the mean of the scenes' F1 is (1 + 2/5) / 2 = 0.7


def test_a_scene_without_sounds_adds_only_predictions() -> None:
    assert event_counts(scene([], [])) == Counts(0, 0, 0)
    assert event_counts(scene([], [("dog", 0, 1)])) == Counts(0, 0, 1)
    assert event_counts(scene([("dog", 0, 1)], [])) == Counts(0, 1, 0)
    assert (Counts().f1, Counts(0, 0, 3).recall, Counts(0, 3, 0).precision) == (0.0, 0.0, 0.0)


def test_a_sound_must_end_after_its_start() -> None:
    for start, end in [(-0.1, 1.0), (1.0, 1.0), (2.0, 1.0), (float("nan"), 1.0)]:
        with pytest.raises(ValueError, match="start < end"):
            Sound("dog", start, end)


def test_segments_are_the_whole_seconds_that_a_kind_touches() -> None:
    # Reference: seconds 0, 1, 2. Predicted: 2, 3. By length it would be 0.1 s of 2.3 s and 1.2 s.
    assert segment_counts(scene([("dog", 0.9, 2.2)], [("dog", 2.1, 3.3)])) == Counts(1, 3, 2)
    # A sound that ends on a second does not touch the next.
    assert segment_counts(scene([("dog", 1.0, 3.0)], [("dog", 3.0, 4.0)])) == Counts(0, 2, 1)
    assert segment_counts(scene([("dog", 1.0, 3.0)], [("dog", 0.9999999, 3.0000001)])) == Counts(2, 2, 2)


def test_a_kind_counts_once_in_a_second_and_an_unknown_one_is_never_correct() -> None:
    assert segment_counts(scene([("dog", 0.1, 0.2), ("dog", 0.5, 0.7)], [("dog", 0.8, 0.9)])) == Counts(1, 1, 1)
    answer = scene([("dog", 0, 1), ("rain", 0, 2)], [("rain", 0, 1), ("cat", 0, 1), (None, 0, 1)])
    assert segment_counts(answer) == Counts(1, 3, 3)
    nameless = Sound(None, 0, 2)
    assert segment_counts(ScoredScene((nameless,), (nameless,))) == Counts(0, 2, 2)


SCENES = [
    scene([("dog", 0, 1), ("dog", 3, 4), ("rain", 0, 9)], [("dog", 7, 8), ("dog", 8, 9)]),
    scene([("dog", 0, 1)], [("dog", 0, 1), ("rain", 0, 1)]),
    scene([("rain", 0, 1)], [("rain", 5, 6), ("siren", 0, 1), (None, 0, 1)]),
]


def test_clip_level_counts_scenes_with_a_kind_not_events() -> None:
    counts = clip_counts(SCENES, ["dog", "rain", "cat"])
    assert counts == {"dog": Counts(2, 2, 2), "rain": Counts(1, 2, 2), "cat": Counts(0, 0, 0)}
    with pytest.raises(ValueError, match="not scored: rain"):
        clip_counts(SCENES, ["dog"])


def test_clip_macro_f1_weights_kinds_equally_without_absent_ones() -> None:
    # dog 1.0, rain 0.5. The micro average is 6/8 too, so a third, rarer kind is added below.
    assert clip_macro_f1(SCENES, ["dog", "rain", "cat"]) == pytest.approx(0.75)  # 0.5 if "cat" counted as 0
    more = [*SCENES, scene([("cat", 0, 1)], [])]
    assert clip_macro_f1(more, ["dog", "rain", "cat"]) == pytest.approx(0.5)  # micro: 2 * 3 / 9 = 0.667
    assert clip_macro_f1(SCENES, ["dog", "rain", "siren"]) == pytest.approx(0.5)  # one that is only predicted has 0
    assert clip_macro_f1([], ["dog"]) == 0.0
