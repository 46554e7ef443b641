"""Time markers as text: anchors for the digits of whole seconds, offsets for the tenth.

Source: paper, "Temporal Markers". Differs: the released decoder joins adjacent markers, so two times without a
separator become one; here a time must be well-formed, or it is not read at all.
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
# A day has 864,000 tenths: six digits. Twelve exceed any recording, and keep int() cheap on malformed text.
_MAX_DIGITS: Final = 12


def format_time(tenths: int) -> str:
    """Write a time as markers: no leading zeros, always exactly one offset.

    | tenths | markers |
    |---|---|
    | 0 | `<a_0><f_0>` |
    | 5 | `<a_0><f_5>` |
    | 125 | `<a_1><a_2><f_5>` |

    Raises:
        ValueError: the time is negative.
    """
    if tenths < 0:
        raise ValueError(f"A time must not be negative; got {tenths} tenths.")
    seconds, tenth = divmod(tenths, 10)
    return "".join(ANCHORS[int(digit)] for digit in str(seconds)) + OFFSETS[tenth]


def format_interval(interval: Interval) -> str:
    """Write an interval as markers: `<a_0><f_0> - <a_2><f_5>`."""
    return format_time(interval.start) + SEPARATOR + format_time(interval.end)


def read_time(markers: str) -> int:
    """Read the time in a run of markers. Units: tenths.

    This is the exact inverse of `format_time`: `<a_0><a_5><f_0>` and `<a_1><f_2><a_3><f_4>` are not valid times.

    Raises:
        ValueError: the markers are not exactly one well-formed time.
    """
    digits = len(markers) // len(MARKERS[0])
    if digits > _MAX_DIGITS or not _TIME.fullmatch(markers):
        raise ValueError(f"Not one time in markers: {markers[:60]!r}.")
    return int(markers[3::5])


def to_tenths(seconds: int | float | Decimal | str) -> int:
    """Round seconds to whole tenths, halves up, using the decimal text instead of the binary float.

    | seconds | tenths | note |
    |---|---|---|
    | 0.04 | 0 | |
    | 0.05 | 1 | `round` gives 0: half to even |
    | 0.15 | 2 | the float is 0.1499999..., its text is not |
    | 0.25 | 3 | `round` gives 2 |
    | 2.675 | 27 | |
    | "0.34999999999999999" | 3 | as a float it is 0.35 |

    Raises:
        ValueError: the value is negative, not finite, or not a number.
    """
    try:
        exact = Decimal(str(seconds))
        rounded = exact.quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)
    except InvalidOperation:
        raise ValueError(f"Not a time in seconds: {str(seconds)[:60]!r}.") from None
    if not exact.is_finite() or exact < 0:
        raise ValueError(f"A time in seconds must be finite and not negative; got {seconds}.")
    return int(rounded.scaleb(1))


def to_plain(text: str, start: int = 0) -> str:
    """Replace every well-formed time with a readable number: `<a_1><a_2><f_5>` becomes `12.5`.

    A run of markers that is not a valid time stays as it is: a guess would look like a fact. Units: `start` in tenths,
    the start of the analysed part in the recording, which is added to each time.
    """
    return _MARKER_RUN.sub(lambda run: _plain(run.group(), start), text)


def _plain(run: str, start: int) -> str:
    try:
        tenths = start + read_time(run)
    except ValueError:
        return run
    return f"{tenths // 10}.{tenths % 10}"
