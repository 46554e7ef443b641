"""Long recordings in overlapping passes: joining the answers of the passes."""

from hypothesis import given
from hypothesis import strategies as st

from model.timeline.event import Event
from model.timeline.interval import Interval
from model.timeline.stitch import Join, Stitcher, join_sections, join_sounds, plan
from model.timeline.transcript import join_transcripts

PASSES = [Interval(0, 1000), Interval(900, 1900), Interval(1800, 2800)]


def event(caption: str, *times: tuple[int, int]) -> Event:
    return Event(tuple(Interval(*pair) for pair in times), caption)


def stitched(*answers: list[Event], passes: list[Interval] = PASSES, join: Join = join_sounds) -> list[list[Event]]:
    stitcher = Stitcher(passes, join)
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
    assert len({p.length for p in passes}) == 1
    assert all(a.end - b.start >= overlap for a, b in zip(passes, passes[1:], strict=False))
    if len(passes) > 1:
        assert longest * (len(passes) - 1) - overlap * (len(passes) - 2) < duration  # one pass fewer is not enough


def test_passes_at_the_boundaries() -> None:
    numbers = {1499: 1, 1500: 1, 1501: 2, 2850: 2, 2851: 3}
    assert {duration: len(plan(duration, longest=1500, overlap=150)) for duration in numbers} == numbers


def test_times_are_shifted_and_events_are_returned_when_final() -> None:
    parts = stitched([event("a dog", (10, 20))], [event("rain", (300, 310))], [event("a cat", (500, 600))])
    assert parts == [[event("a dog", (10, 20))], [event("rain", (1200, 1210))], [event("a cat", (2300, 2400))]]


def test_an_event_across_seams_is_returned_once() -> None:
    parts = stitched([event("A dog barks.", (940, 1000))], [event("A dog is barking.", (42, 130))], [])
    assert parts == [[], [event("A dog barks.", (940, 1030))], []]
    rain = "Rain falls."
    parts = stitched([event(rain, (0, 1000))], [event(rain, (0, 1000))], [event(rain, (0, 700))])
    assert parts == [[], [], [event(rain, (0, 2500))]]


def test_an_event_that_ends_just_before_the_next_pass_waits_for_it() -> None:
    parts = stitched([event("rain", (800, 898))], [event("rain", (0, 100))], [])
    assert parts == [[], [event("rain", (800, 1000))], []]


def test_a_section_that_begins_after_the_cut_in_one_pass_and_before_it_in_the_other_is_kept() -> None:
    first = [event("A.", (0, 500)), event("X.", (900, 945)), event("B.", (955, 1000))]  # the cut is at 950
    parts = stitched(first, [event("b.", (48, 250)), event("C.", (300, 400))], [], join=join_sections)
    assert [found for part in parts for found in part] == [
        event("A.", (0, 500)), event("X.", (900, 945)), event("b.", (948, 1150)), event("C.", (1200, 1300)),
    ]  # fmt: skip


def test_two_sounds_at_the_same_time_are_not_joined() -> None:
    parts = stitched([event("rain", (920, 980)), event("a dog barks", (920, 980))], [event("rain", (20, 80))], [])
    assert [e.caption for e in parts[1]] == ["rain", "a dog barks"]


def test_a_sound_that_both_passes_heard_whole_has_the_more_confident_name() -> None:
    def named(caption: str, start: int, end: int, confidence: float | None) -> Event:
        return Event((Interval(start, end, confidence),), caption)

    for sure, unsure in ((0.6, 0.4), (0.6, None)):
        first, second = [named("a cat", 930, 960, unsure)], [named("a rooster", 33, 58, sure)]
        assert [e.caption for e in stitched(first, second, [])[1]] == ["a rooster"]
        first, second = [named("a cat", 930, 960, sure)], [named("a rooster", 33, 58, unsure)]
        assert [e.caption for e in stitched(first, second, [])[1]] == ["a cat"]
    # Also where only one of both passes would be believed: before and after the middle of the overlap.
    for start, end in ((910, 940), (960, 990)):
        for one, other in ((0.4, 0.6), (0.6, 0.4)):
            first, second = [named("a cat", start, end, one)], [named("a rooster", start - 900, end - 900, other)]
            name = "a cat" if one > other else "a rooster"
            assert [e.caption for e in stitched(first, second, [])[1]] == [name]
    # Elsewhere in the overlap, heard in part, or without confidence: both stay.
    for first, second in (
        ([named("a cat", 910, 940, 0.4)], [named("a rooster", 45, 70, 0.6)]),
        ([named("a cat", 890, 960, 0.4)], [named("a rooster", 0, 58, 0.6)]),
        ([named("a cat", 930, 955, None)], [named("a rooster", 32, 58, None)]),
    ):
        assert {e.caption for part in stitched(first, second, []) for e in part} >= {"a cat"}


def test_what_only_one_pass_heard_at_its_edge_is_dropped() -> None:
    only_at_the_edge_of_the_first = [event("a cat", (960, 1000))]
    only_at_the_edge_of_the_second = [event("a dog", (5, 40))]
    assert stitched(only_at_the_edge_of_the_first, only_at_the_edge_of_the_second, []) == [[], [], []]
    in_the_middle_of_the_first, in_the_middle_of_the_second = [event("a cat", (910, 940))], [event("a dog", (60, 95))]
    parts = stitched(in_the_middle_of_the_first, in_the_middle_of_the_second, [])
    assert parts[1] == [event("a cat", (910, 940)), event("a dog", (960, 995))]
    parts = stitched([event("", (100, 200), (270, 280))], [event("", (0, 8), (100, 150))], [], [], passes=SHORT)
    assert parts[:2] == [[event("", (100, 200))], [event("", (340, 390))]]


def test_intervals_of_a_query_are_joined() -> None:
    parts = stitched([event("", (100, 200), (950, 1000))], [event("", (50, 120), (500, 600))], [])
    assert parts[:2] == [[event("", (100, 200))], [event("", (950, 1020), (1400, 1500))]]


def test_intervals_away_from_a_seam_do_not_wait_for_the_rest_of_their_event() -> None:
    dog = "A dog barks."
    parts = stitched([event(dog, (10, 50), (940, 1000))], [event(dog, (40, 60), (400, 450), (950, 1000))], [])
    assert parts == [[event(dog, (10, 50))], [event(dog, (940, 1000), (1300, 1350))], []]
    touching = [event(dog, (10, 50), (100, 500), (500, 700), (699, 1000))]
    assert stitched(touching, [event(dog, (0, 200))], []) == [[event(dog, (10, 50))], [event(dog, (100, 1100))], []]


def test_a_section_belongs_to_the_pass_that_heard_it_begin() -> None:
    first = [event("one", (0, 500)), event("two", (500, 1000))]
    second = [event("goes on", (0, 70)), event("three", (70, 1000))]
    third = [event("three", (0, 120)), event("four", (120, 1000))]
    parts = stitched(first, second, third, join=join_sections)
    assert [(e.caption, *e.intervals) for part in parts for e in part] == [
        ("one", Interval(0, 500)),
        ("two", Interval(500, 970)),
        ("three", Interval(970, 1920)),
        ("four", Interval(1920, 2800)),
    ]


def test_no_section_is_said_twice_or_lost_at_a_seam() -> None:
    edge = [event("two", (949, 1000))], [event("two", (49, 400)), event("three", (400, 1000))]
    parts = stitched(edge[0], edge[1], [event("four", (500, 1000))], join=join_sections)
    assert [(e.caption, *e.intervals) for part in parts for e in part] == [
        ("two", Interval(949, 1300)),
        ("three", Interval(1300, 1900)),
        ("four", Interval(2300, 2800)),
    ]
    parts = stitched([], [event("late", (20, 400))], [], join=join_sections)
    assert [(e.caption, *e.intervals) for part in parts for e in part] == [("late", Interval(920, 1300))]


SHORT = plan(1000, longest=300, overlap=40)  # 0 to 28 s, 24 to 52, 48 to 76, 72 to 100


def flat(parts: list[list[Event]]) -> list[Event]:
    return [event for part in parts for event in part]


TO_THE_EDGES = ((5, 280), (0, 280), (0, 280), (0, 271))
NOT_QUITE = ((5, 277), (3, 274), (6, 280), (2, 271))
WITH_GAPS = ((5, 249), (13, 280), (0, 252), (16, 271))  # the gaps differ between passes
RAIN = ("Rain falls.", "It is raining.", "The sound of rain.", "Rain patters on the ground.")
ROTOR = ("A helicopter flies overhead.", "The rotor of a helicopter.", "A helicopter hovers.", "A helicopter is heard.")


def test_an_event_through_four_passes_is_one_interval() -> None:
    for words, times in [
        (RAIN[:1] * 4, TO_THE_EDGES),
        (RAIN[:1] * 4, NOT_QUITE),
        (RAIN[:1] * 4, WITH_GAPS),
        (("",) * 4, WITH_GAPS),
        (RAIN, TO_THE_EDGES),
        (RAIN, NOT_QUITE),
        (ROTOR, NOT_QUITE),
    ]:
        answers = [[event(caption, pair)] for caption, pair in zip(words, times, strict=True)]
        assert stitched(*answers, passes=SHORT) == [[], [], [], [event(words[0], (5, 991))]]


def test_an_event_through_three_of_five_passes_keeps_its_ends() -> None:
    passes = plan(1200, longest=300, overlap=40)
    rain = [[], [event("Rain.", (150, 272))], [event("Rain.", (0, 272))], [event("It rains.", (0, 90))], []]
    ends = (passes[1].start + 150, passes[3].start + 90)
    assert stitched(*rain, passes=passes) == [[], [], [], [event("Rain.", ends)], []]


def test_a_long_event_and_a_repeated_event_are_not_joined() -> None:
    barks = [event("A dog barks.", (100, 110)), event("A dog barks.", (255, 262))]
    parts = stitched(
        [event("Rain falls.", (0, 280)), *barks],
        [event("It is raining.", (0, 280)), event("A dog is barking.", (14, 22), (150, 160))],
        [event("Rain falls.", (0, 280))],
        [event("Rain falls.", (0, 280))],
        passes=SHORT,
    )
    assert parts == [
        [event("A dog barks.", (100, 110))],
        [event("A dog barks.", (254, 262), (390, 400))],
        [],
        [event("Rain falls.", (0, 1000))],
    ]


def test_different_captions_are_joined_only_at_the_same_times_and_never_by_common_words() -> None:
    man, woman = event("A man speaks.", (200, 262)), event("A woman speaks.", (23, 90))
    assert flat(stitched([man], [woman], [], [], passes=SHORT)) == [man, event("A woman speaks.", (263, 330))]
    rotor = event("The rotor of a helicopter.", (0, 90))
    events = flat(stitched([event("A helicopter flies.", (200, 280))], [rotor], [], [], passes=SHORT))
    assert events == [event("A helicopter flies.", (200, 330))]
    train, wind = event("A train can be heard.", (200, 280)), event("The wind can be heard.", (0, 90))
    assert len(flat(stitched([train], [wind], [], [], passes=SHORT))) == 2


def test_the_event_with_the_most_similar_caption_is_continued() -> None:
    both = [event("A woman speaks.", (200, 280)), event("A man speaks.", (200, 280))]
    later = [event("A man is speaking.", (0, 90)), event("A woman is speaking.", (0, 50))]
    events = flat(stitched(both, later, [], [], passes=SHORT))
    assert events == [event("A woman speaks.", (200, 290)), event("A man speaks.", (200, 330))]


def test_a_joined_interval_has_the_lowest_confidence_of_its_parts() -> None:
    def rain(start: int, end: int, confidence: float | None) -> Event:
        return Event((Interval(start, end, confidence),), "Rain.")

    [whole] = flat(
        stitched([rain(5, 280, 0.9)], [rain(0, 280, 0.4)], [rain(0, 280, 0.8)], [rain(0, 9, 0.7)], passes=SHORT)
    )
    assert whole.intervals[0].confidence == 0.4
    [whole] = flat(stitched([rain(5, 280, 0.9)], [rain(0, 90, None)], [], [], passes=SHORT))
    assert whole.intervals[0].confidence is None


def words_of(events: list[Event]) -> str:
    return " ".join(event.caption.removesuffix(".").lower() for event in events)


TALK = [*"abcddefghijklmno"]


@given(
    ends=st.lists(st.integers(1, 15), unique=True).map(sorted),
    cuts=st.lists(st.integers(1, 15), unique=True).map(sorted),
    heard=st.integers(9, 16),
    begun=st.integers(0, 6),
    misheard=st.sets(st.integers(0, 15), max_size=3),
)
def test_a_transcript_has_every_word_once_however_both_passes_divide_it(
    ends: list[int], cuts: list[int], heard: int, begun: int, misheard: set[int]
) -> None:
    """Words of 0.5 s from 90 s on; the first pass recognises `heard` of them, the second all from number `begun`."""

    def phrases(texts: list[str], first: int, borders: list[int], shift: int) -> list[Event]:
        places = [0, *(b - first for b in borders if 0 < b - first < len(texts)), len(texts)]
        return [
            event(
                f"{' '.join(texts[a:b]).capitalize()}.", (900 + 5 * (first + a) - shift, 900 + 5 * (first + b) - shift)
            )
            for a, b in zip(places, places[1:], strict=False)
        ]

    second = ["uh" if number in misheard else word for number, word in enumerate(TALK)][begun:]
    found = flat(
        stitched(phrases(TALK[:heard], 0, ends, 0), phrases(second, begun, cuts, 900), [], join=join_transcripts)
    )
    written = words_of(found).split()
    assert len(written) == len(TALK)
    assert all(word in (spoken, "uh") for word, spoken in zip(written, TALK, strict=True))
    times = [interval for each in found for interval in each.intervals]
    assert times == sorted(times)


def test_a_transcript_whose_passes_agree_in_no_word_is_cut_in_the_middle_of_the_overlap() -> None:
    first = [event("She sells sea shells.", (900, 980))]
    second = [event("Someone is speaking another language.", (10, 40)), event("He buys bees.", (60, 90))]
    found = flat(stitched(first, second, [], join=join_transcripts))
    assert [(e.caption, *e.intervals) for e in found] == [
        ("She sells sea.", Interval(900, 953)), ("He buys bees.", Interval(960, 990)),
    ]  # fmt: skip


def test_the_two_parts_of_a_phrase_are_one_caption() -> None:
    first = [event("If I was in.", (935, 960)), event("Doubt.", (961, 966))]
    second = [event("Was in doubt about it.", (40, 80)), event("We left.", (85, 99))]
    found = flat(stitched(first, second, [], join=join_transcripts))
    assert [(e.caption, *e.intervals) for e in found] == [
        ("If I was in doubt about it.", Interval(935, 980)), ("We left.", Interval(985, 999)),
    ]  # fmt: skip
