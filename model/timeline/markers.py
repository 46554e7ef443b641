"""Time markers as text: anchors for the digits of whole seconds, offsets for the tenth.

Source: paper, "Temporal Markers". Differs: the released decoder joins markers wherever they touch, so that a
missing separator makes one time of two; here a time is read by its own rule or not at all.
"""

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Final

from model.timeline.interval import Interval

ANCHORS: Final[tuple[str, ...]] = tuple(f"<a_{digit}>" for digit in range(10))
OFFSETS: Final[tuple[str, ...]] = tuple(f"<f_{digit}>" for digit in range(10))
MARKERS: Final[tuple[str, ...]] = ANCHORS + OFFSETS
SEPARATOR: Final = " - "

_TIME = re.compile(r"(?:<a_0>|<a_[1-9]>(?:<a_[0-9]>)*)<f_[0-9]>")
_MARKER_RUN = re.compile(r"(?:<[af]_[0-9]>)+")
# A day has 864,000 tenths: six digits. Twelve are beyond any recording, and keep int() cheap on junk.
_MAX_DIGITS: Final = 12


def format_time(tenths: int) -> str:
    """One time as markers: no leading zeros, always exactly one offset.

    | tenths | markers |
    |---|---|
    | 0 | `<a_0><f_0>` |
    | 5 | `<a_0><f_5>` |
    | 125 | `<a_1><a_2><f_5>` |

    Raises:
        ValueError: below zero.
    """
    if tenths < 0:
        raise ValueError(f"A time is never below zero; got {tenths} tenths.")
    seconds, tenth = divmod(tenths, 10)
    return "".join(ANCHORS[int(digit)] for digit in str(seconds)) + OFFSETS[tenth]


def format_interval(interval: Interval) -> str:
    """One interval as markers: `<a_0><f_0> - <a_2><f_5>`."""
    return format_time(interval.start) + SEPARATOR + format_time(interval.end)


def read_time(markers: str) -> int:
    """The time that a run of markers says. Units: tenths.

    The inverse of `format_time`, and nothing more: `<a_0><a_5><f_0>` and `<a_1><f_2><a_3><f_4>` are no times.

    Raises:
        ValueError: not one well-formed time.
    """
    digits = len(markers) // len(MARKERS[0])
    if digits > _MAX_DIGITS or not _TIME.fullmatch(markers):
        raise ValueError(f"Not one time in markers: {markers[:60]!r}.")
    return int(markers[3::5])


def to_tenths(seconds: int | float | Decimal | str) -> int:
    """Seconds as whole tenths, halves up, judged on the decimal text and not on the binary float.

    | seconds | tenths | why not otherwise |
    |---|---|---|
    | 0.04 | 0 | |
    | 0.05 | 1 | `round` says 0: half to even |
    | 0.15 | 2 | the float is 0.1499999..., its text is not |
    | 0.25 | 3 | `round` says 2 |
    | 2.675 | 27 | |
    | "0.34999999999999999" | 3 | as a float it is 0.35 |

    Raises:
        ValueError: below zero, not finite, or no number.
    """
    try:
        exact = Decimal(str(seconds))
        rounded = exact.quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)
    except InvalidOperation:
        raise ValueError(f"Not a time in seconds: {str(seconds)[:60]!r}.") from None
    if not exact.is_finite() or exact < 0:
        raise ValueError(f"A time in seconds is finite and not below zero; got {seconds}.")
    return int(rounded.scaleb(1))


def to_plain(text: str, start: int = 0) -> str:
    """The same text with every well-formed time as a number, for people: `<a_1><a_2><f_5>` becomes `12.5`.

    A run of markers that is no time stays as it is: a guess would look like a fact. Units: `start` in tenths, where in
    the recording the part begins that the times count from.
    """
    return _MARKER_RUN.sub(lambda run: _plain(run.group(), start), text)


def _plain(run: str, start: int) -> str:
    try:
        tenths = start + read_time(run)
    except ValueError:
        return run
    return f"{tenths // 10}.{tenths % 10}"
