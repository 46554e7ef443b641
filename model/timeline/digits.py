"""Compute which digits may come next so that a time, written from left to right, ends up inside a range.

Integers only. A time is the decimal digits of its whole seconds, without leading zeros, then one tenth.
`prefix` is the number that the digits so far make, or None before the first. `low` and `high` (both inclusive) are in
tenths, low <= high.
"""

from collections.abc import Iterator


def next_digits(prefix: int | None, low: int, high: int) -> list[int]:
    """Return the next digits of the whole seconds that can still lead to a time in the range."""
    if prefix == 0:
        return []
    base = 0 if prefix is None else prefix * 10
    return [digit for digit in range(10) if smallest(base + digit, low, high) is not None]


def next_tenths(prefix: int | None, low: int, high: int) -> list[int]:
    """Return the tenths that complete a time in the range, given all digits of its seconds."""
    if prefix is None:
        return []
    return [tenth for tenth in range(10) if low <= prefix * 10 + tenth <= high]


def spans(prefix: int | None, low: int, high: int) -> Iterator[range]:
    """Yield the times in the range whose seconds begin with these digits, in order: a range for each number of digits.

    | prefix | low | high | |
    |---|---|---|---|
    | None | 5 | 90 | 5 to 90 |
    | 1 | 5 | 250 | 10 to 19, 100 to 199 |
    | 0 | 10 | 90 | nothing: nothing follows a first zero |
    """
    if prefix is None:
        yield range(low, high + 1)
        return
    scale = 10
    while prefix * scale <= high:
        if times := range(max(low, prefix * scale), min(high + 1, (prefix + 1) * scale)):
            yield times
        if prefix == 0:
            return
        scale *= 10


def smallest(prefix: int | None, low: int, high: int) -> int | None:
    """Return the smallest time in the range whose seconds begin with these digits, or None."""
    return next((times.start for times in spans(prefix, low, high)), None)
