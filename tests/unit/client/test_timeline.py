"""The timeline that the command line draws."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from timeaudio.console import printable
from timeaudio.results import Interval
from timeaudio.timeline import Lane, draw, lanes


def lane(*pairs, label="x"):
    return Lane(label, tuple(Interval(start=start, end=end) for start, end in pairs))


def lines(drawn, duration_s, **options):
    return draw(drawn, duration_s, **options).plain.split("\n")


def test_a_timeline_of_two_events():
    picture = draw([lane((0.0, 2.5), (3.0, 8.0), label="A dog barks."), lane((1, 9), label="Rain.")], 10.0, width=56)
    assert picture.plain.split("\n") == [
        "              0 s     2       4       6       8     10 s",
        "              ├───────┼───────┼───────┼───────┼──────┤",
        "A dog barks.  ██████████  ████████████████████",
        "Rain.             ████████████████████████████████",
    ]


def test_a_timeline_in_ascii():
    picture = draw([lane((0.0, 2.5), label="Café")], 10.0, width=50, ascii_only=True)
    assert picture.plain.isascii()
    assert picture.plain.split("\n")[-1].startswith("Caf?  ####")


def test_positions_of_one_interval_on_twenty_columns_of_ten_seconds():
    for start, end, cells in [
        (0.0, 0.1, "▌"),  # the shortest interval is visible
        (9.9, 10.0, " " * 19 + "▐"),  # also at the end
        (10.0, 10.0, " " * 19 + "▐"),
        (0.0, 10.0, "█" * 20),
        (0.0, 0.5, "█"),
        (0.25, 0.5, "▐"),
        (0.0, 99.0, "█" * 20),  # nothing is drawn after the edge
        (2.0, 2.2, "    ▌"),
    ]:
        assert lines([lane((start, end), label="")], 10.0, width=24)[-1].removeprefix("  ") == cells


def test_touching_intervals_do_not_overlap():
    first = lines([lane((0, 5), label="")], 10.0, width=24)[-1]
    second = lines([lane((5, 10), label="")], 10.0, width=24)[-1]
    assert first == "  " + "█" * 10
    assert second == "  " + " " * 10 + "█" * 10


def test_the_axis_starts_at_zero_ends_at_the_duration_and_keeps_labels_apart():
    durations = (0.1, 0.9, 1.0, 9.9, 10, 29.9, 30, 30.1, 59, 150, 600, 3600, 7200, 36000)
    for width, duration in itertools.product((30, 40, 80, 120, 300), durations):
        numbers, rule = lines([lane(label="A dog barks.")], duration, width=width)[:2]
        labels = [float(label) for label in numbers.replace("s", "").split()]
        assert labels[0] == 0
        assert labels[-1] == duration
        assert labels == sorted(set(labels))
        assert sum(rule.count(tick) for tick in "├┼┤") == len(labels)
        assert cell_len(numbers) <= width
        assert cell_len(rule) <= width


def test_a_tick_is_at_the_column_of_its_time():
    _, rule, cells = lines([lane((4.0, 4.1), label="x")], 10.0, width=80)
    ticks = [column for column, letter in enumerate(rule) if letter in "├┼┤"]
    assert cells.index("█") in ticks


@given(
    duration=st.integers(1, 72_000),
    width=st.integers(20, 200),
    labels=st.lists(st.text(max_size=60), min_size=1, max_size=5),
    data=st.data(),
)
def test_any_timeline_fits_and_has_one_line_per_lane(duration, width, labels, data):
    starts = st.integers(0, duration - 1)
    lanes = []
    for label in labels:
        start = data.draw(starts)
        end = data.draw(st.integers(start + 1, duration))
        lanes.append(lane((start / 10, end / 10), label=label))
    drawn = lines(lanes, duration / 10, width=width)
    assert len(drawn) == 2 + len(lanes)
    assert all(cell_len(line) <= max(width, 24) for line in drawn)
    assert all(set(line) & set("▌▐█") for line in drawn[2:]), "every interval is visible"


def test_a_long_name_is_cut_with_an_ellipsis():
    line = lines([lane((0, 1), label="a very long caption that goes on and on")], 10.0, width=60)[-1]
    assert line[:24] == "a very long caption tha…"


def test_wide_letters_keep_lanes_aligned():
    first, second = lines([lane((0, 10), label="雨が降る"), lane((0, 10), label="Rain")], 10.0, width=60)[-2:]
    assert cell_len(first[: first.index("█")]) == cell_len(second[: second.index("█")])


def test_text_cannot_contain_terminal_control_characters():
    words = ("a\nb", "a\x1b[31mb", "  a \t b ", "\u202eabc", "[bold]x")
    assert [printable(text) for text in words] == ["a b", "a [31mb", "a b", "abc", "[bold]x"]


def test_lanes_keep_order_and_absent_queries_have_an_empty_one():
    interval = Interval(start=0, end=1)
    assert lanes([("b", [interval]), ("a", ())]) == [Lane("b", (interval,)), Lane("a", ())]
