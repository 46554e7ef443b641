"""Scenes contain the sounds of their events, at the events' times and as configured."""

from dataclasses import replace

import numpy as np

from tests.small_recordings import RATE, noise, pool_of
from training.data.answers import by_kind, event_interval
from training.data.composer import STEADY, PlacedEvent, Pool, SceneConfig, compose, plain_scenes, plan


def quiet(**changes):
    """One event of a kind, dry, over silence."""
    return replace(SceneConfig(noise_probability=0, max_events=1, cut_probability=0), **changes)


def test_a_scene_is_a_function_of_its_seed():
    pool = pool_of("dog", "rain", "rooster")
    one, two = (compose(pool, SceneConfig(), np.random.default_rng(5)) for _ in range(2))
    assert one.events == two.events
    assert np.array_equal(one.samples, two.samples)
    assert not np.array_equal(one.samples, compose(pool, SceneConfig(), np.random.default_rng(6)).samples)


def test_events_lie_inside_and_repeats_of_a_kind_stay_apart():
    pool = pool_of("dog", "rain")
    config = SceneConfig(repeat_probability=0.9)
    for seed in range(60):
        placed = plan(pool, config, np.random.default_rng(seed))
        assert 1 <= len(placed) <= 4
        for one in placed:
            assert 0 <= one.start < one.end <= 10 * RATE
        for kind in ("dog", "rain"):
            same = sorted((p.start, p.end) for p in placed if p.kind == kind)
            assert all(b[0] - a[1] >= RATE // 2 for a, b in zip(same, same[1:], strict=False))


def test_events_contain_sound_and_the_rest_is_silent():
    for seed in range(20):
        scene = compose(pool_of("dog"), quiet(), np.random.default_rng(seed))
        (event,) = scene.events
        inside = np.sqrt(np.mean(scene.samples[event.start : event.end] ** 2))
        outside = np.concatenate([scene.samples[: event.start], scene.samples[event.end :]])
        assert inside > 0.01
        assert np.abs(outside).max() == 0


def test_a_room_goes_on_after_the_event_but_not_after_the_scene():
    later = []
    for seed in range(20):
        scene = compose(pool_of("dog"), quiet(seconds=3.0, room_probability=1.0), np.random.default_rng(seed))
        (event,) = scene.events
        assert event.end - event.start == RATE, "an event is as long as its recording"
        assert len(scene.samples) == 3 * RATE
        assert not scene.samples[: event.start].any()
        later.append(bool(scene.samples[event.end :].any()))
    assert all(later)


def test_steady_sounds_alone_are_looped():
    config = quiet(loop_probability=1.0)
    long = [plan(pool_of("rain", seconds=1.2), config, np.random.default_rng(seed))[0] for seed in range(10)]
    assert max(p.end - p.start for p in long) > 5 * RATE
    assert min(p.end - p.start for p in long) >= 1.2 * RATE
    assert all(p.end <= 10 * RATE for p in long)
    short = [plan(pool_of("dog", seconds=1.2), config, np.random.default_rng(seed))[0] for seed in range(10)]
    assert {p.end - p.start for p in short} == {round(1.2 * RATE)}
    assert "dog" not in STEADY


def test_other_kinds_have_the_configured_share_and_become_one_kind_in_answers():
    pool = pool_of("dog", others=("unknown:owl", "unknown:zipper"))
    config = SceneConfig(other_share=0.3, max_events=1)
    kinds = [plan(pool, config, np.random.default_rng(seed))[0].kind for seed in range(300)]
    assert 60 < sum(kind != "dog" for kind in kinds) < 120
    assert set(kinds) == {"dog", "unknown:owl", "unknown:zipper"}
    events = [PlacedEvent("unknown:owl", 0, 16_000), PlacedEvent("unknown:zipper", 32_000, 48_000)]
    assert [(i.start, i.end) for i in by_kind(events, 160_000)["unknown"]] == [(0, 10), (20, 30)]


def test_a_cut_part_begins_and_ends_with_sound_and_is_no_gap():
    """The gap is 50 dB below; an event of it alone would be hiss, called a dog, and as loud as one."""
    gap = noise(2.0, level=0.001)
    barks = np.concatenate([noise(0.4, level=0.3), gap, noise(0.4, seed=1, level=0.3), gap])
    config = quiet(cut_probability=1.0, most_event_s=1.5)
    parts = [plan(Pool({"dog": [barks]}), config, np.random.default_rng(seed))[0].part for seed in range(40)]
    assert len({len(part) for part in parts}) > 10
    assert max(map(len, parts)) <= 1.5 * RATE
    for part in parts:
        assert min(np.abs(edge).max() for edge in (part[: RATE // 5], part[-RATE // 5 :])) > 0.1


def test_longer_plain_scenes_hold_more():
    assert [(c.seconds, c.max_events) for c in plain_scenes([10.0, 30.0])] == [(10.0, 4), (30.0, 6)]
    assert plain_scenes([10.0])[0] == SceneConfig()


def test_samples_become_tenths_inside_of_the_scene():
    expected = {(0, 160_000): (0, 100), (799, 800): (0, 1), (801, 2401): (1, 2), (159_999, 160_000): (99, 100)}
    found = {span: event_interval(PlacedEvent("dog", *span), 160_000) for span in expected}
    assert {span: (interval.start, interval.end) for span, interval in found.items()} == expected


def test_kinds_with_more_recordings_are_drawn_more_often_if_configured():
    pool = Pool({"dog": [noise(0.5, seed=1)], "music": [noise(0.5, seed=n) for n in range(2, 18)]})
    for exponent, least, most in ((0.0, 0.4, 0.6), (0.5, 0.72, 0.88), (1.0, 0.88, 1.0)):
        config = quiet(kind_exponent=exponent)
        kinds = [plan(pool, config, np.random.default_rng(seed))[0].kind for seed in range(300)]
        assert least < kinds.count("music") / 300 < most
