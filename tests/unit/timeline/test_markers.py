"""Conversion between seconds and markers."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.timeline.interval import Interval
from model.timeline.markers import (
    ANCHORS,
    MARKERS,
    OFFSETS,
    format_interval,
    format_time,
    read_time,
    to_plain,
    to_tenths,
)


def test_every_tenth_up_to_ten_thousand_seconds_round_trips() -> None:
    for tenths in range(100_001):
        markers = format_time(tenths)
        plain = f"{tenths // 10}.{tenths % 10}"
        assert read_time(markers) == tenths
        assert to_plain(markers) == plain
        assert to_tenths(plain) == tenths
        assert to_tenths(tenths / 10) == tenths


def test_there_are_twenty_markers_in_the_order_of_their_digits() -> None:
    assert MARKERS == ANCHORS + OFFSETS
    assert len(set(MARKERS)) == 20
    assert (MARKERS[0], MARKERS[9], MARKERS[10], MARKERS[19]) == ("<a_0>", "<a_9>", "<f_0>", "<f_9>")


def test_a_time_is_anchors_then_one_offset_and_an_interval_two_times() -> None:
    expected = {
        0: "<a_0><f_0>",
        9: "<a_0><f_9>",
        10: "<a_1><f_0>",
        125: "<a_1><a_2><f_5>",
        99_999: "<a_9><a_9><a_9><a_9><f_9>",
        100_000: "<a_1><a_0><a_0><a_0><a_0><f_0>",
    }
    assert {tenths: format_time(tenths) for tenths in expected} == expected
    assert format_interval(Interval(0, 25)) == "<a_0><f_0> - <a_2><f_5>"
    with pytest.raises(ValueError, match="must not be negative"):
        format_time(-1)


def test_text_that_is_not_exactly_one_time_is_rejected() -> None:
    for text in [
        "",
        "<a_1>",
        "<f_1>",
        "<f_1><a_1>",
        "<a_0><a_5><f_0>",
        "<a_0><a_0><f_0>",
        "<a_1><f_2><f_3>",
        "<a_1><f_2><a_3><f_4>",
        "<a_1> <f_2>",
        "<a_1><f_2> ",
        "<a_1><f_2>\n",
        "<a_12><f_0>",
        "12.5",
        "<a_\u0661><f_0>",
        "<a_9>" * 5000 + "<f_0>",
    ]:
        with pytest.raises(ValueError, match="Not one time"):
            read_time(text)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(MARKERS), max_size=7).map("".join))
def test_only_the_canonical_markers_of_a_time_are_read(text: str) -> None:
    try:
        tenths = read_time(text)
    except ValueError:
        return
    assert format_time(tenths) == text


def test_seconds_round_half_up_on_their_decimal_text() -> None:
    for seconds, tenths in [
        (0, 0),
        (0.04, 0),
        (0.05, 1),
        (0.15, 2),
        (0.25, 3),
        (0.35, 4),
        (2.675, 27),
        (9.94, 99),
        (9.95, 100),
        (-0.0, 0),
        (1e-9, 0),
        (Decimal("0.25"), 3),
        (Decimal("0.24999999999999999999999999999999999999"), 2),
        ("0.34999999999999999", 3),
        ("7200.0", 72_000),
        ("1e2", 1000),
    ]:
        assert to_tenths(seconds) == tenths


def test_invalid_seconds_are_rejected() -> None:
    for seconds in [-0.04, -1, "-0.1", float("nan"), float("inf"), "sNaN", "twelve", "", 1e300]:
        with pytest.raises(ValueError, match="time in seconds"):
            to_tenths(seconds)


def test_plain_text_replaces_times_and_keeps_the_rest() -> None:
    answer = "<a_0><f_0> - <a_1><a_2><f_5> seconds, A dog <b>barks</b>."
    assert to_plain(answer) == "0.0 - 12.5 seconds, A dog <b>barks</b>."
    assert to_plain(answer, start=15) == "1.5 - 14.0 seconds, A dog <b>barks</b>."
    for junk in ["<a_1>", "<f_3>", "<a_0><a_5><f_0>", "<a_1><f_2><a_3><f_4>", "<a_1"]:
        assert to_plain(f"at {junk} seconds") == f"at {junk} seconds"
