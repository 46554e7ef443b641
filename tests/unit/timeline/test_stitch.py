"""Long recordings in overlapping passes, and their answers as one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.timeline.event import Event
from model.timeline.interval import Interval
from model.timeline.stitch import Stitcher, plan

PASSES = [Interval(0, 1000), Interval(900, 1900), Interval(1800, 2800)]


def event(caption: str, *times: tuple[int, int]) -> Event:
    return Event(tuple(Interval(*pair) for pair in times), caption)


def stitched(*answers: list[Event], passes: list[Interval] = PASSES, clips: bool = False) -> list[list[Event]]:
    stitcher = Stitcher(passes, clips=clips)
    return [stitcher.add(answer) for answer in answers]


@given(
    duration=st.integers(1, 72_000),
    longest=st.integers(300, 1500),
    overlap=st.integers(1, 150),
)
def test_passes_cover_everything_evenly(duration: int, longest: int, overlap: int) -> None:
    passes = plan(duration, longest=longest, overlap=overlap)
    assert passes[0].start == 0
    assert passes[-1].end == duration
    assert all(p.length <= longest for p in passes)
    assert all(a.end - b.start == overlap for a, b in zip(passes[:-2], passes[1:], strict=False))
    if len(passes) > 1:
        assert passes[-2].end - passes[-1].start >= overlap
        assert max(p.length for p in passes) - min(p.length for p in passes) <= len(passes)
        assert longest * (len(passes) - 1) - overlap * (len(passes) - 2) < duration  # one fewer would not do


@pytest.mark.parametrize(("duration", "number"), [(1499, 1), (1500, 1), (1501, 2), (2850, 2), (2851, 3)])
def test_passes_at_the_boundaries(duration: int, number: int) -> None:
    assert len(plan(duration, longest=1500, overlap=150)) == number


def test_times_are_the_file_s_own_and_events_come_as_soon_as_they_are_certain() -> None:
    told = stitched([event("a dog", (10, 20))], [event("rain", (300, 310))], [event("a cat", (500, 600))])
    assert told == [[event("a dog", (10, 20))], [event("rain", (1200, 1210))], [event("a cat", (2300, 2400))]]


def test_one_event_across_a_seam_is_told_once() -> None:
    told = stitched([event("A dog barks.", (940, 1000))], [event("A dog is barking.", (42, 130))], [])
    assert told == [[], [event("A dog barks.", (940, 1030))], []]


def test_one_event_across_all_seams_is_told_at_the_end() -> None:
    rain = "Rain falls."
    told = stitched([event(rain, (0, 1000))], [event(rain, (0, 1000))], [event(rain, (0, 700))])
    assert told == [[], [], [event(rain, (0, 2500))]]


def test_two_sounds_at_one_time_stay_two() -> None:
    told = stitched([event("rain", (920, 980)), event("a dog barks", (920, 980))], [event("rain", (20, 80))], [])
    assert [e.caption for e in told[1]] == ["rain", "a dog barks"]


def test_the_pass_that_hears_it_away_from_its_edge_is_believed() -> None:
    only_at_the_edge_of_the_first = [event("a cat", (960, 1000))]
    only_at_the_edge_of_the_second = [event("a dog", (5, 40))]
    assert stitched(only_at_the_edge_of_the_first, only_at_the_edge_of_the_second, []) == [[], [], []]
    in_the_middle_of_the_first, in_the_middle_of_the_second = [event("a cat", (910, 940))], [event("a dog", (60, 95))]
    told = stitched(in_the_middle_of_the_first, in_the_middle_of_the_second, [])
    assert told[1] == [event("a cat", (910, 940)), event("a dog", (960, 995))]


def test_intervals_of_a_query_are_joined() -> None:
    told = stitched([event("", (100, 200), (950, 1000))], [event("", (50, 120), (500, 600))], [])
    assert told[1] == [event("", (100, 200), (950, 1020), (1400, 1500))]


def test_a_timeline_is_cut_in_the_middle_of_the_overlap() -> None:
    first = [event("one", (0, 500)), event("two", (500, 1000))]
    second = [event("two again", (0, 70)), event("three", (70, 1000))]
    told = stitched(first, second, [event("four", (0, 1000))], clips=True)
    flat = [e for part in told for e in part]
    assert [(e.caption, *e.intervals) for e in flat] == [
        ("one", Interval(0, 500)),
        ("two", Interval(500, 950)),
        ("two again", Interval(950, 970)),
        ("three", Interval(970, 1850)),
        ("four", Interval(1850, 2800)),
    ]
