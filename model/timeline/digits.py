"""Compute which digits may come next so that a time, written from left to right, ends up inside a range.

Integers only. A time is the decimal digits of its whole seconds, without leading zeros, then one tenth.
`prefix` is the number that the digits so far make, or None before the first. `low` and `high` (both inclusive) are in
tenths, low <= high.
"""


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


def smallest(prefix: int | None, low: int, high: int) -> int | None:
    """Return the smallest time in the range whose seconds begin with these digits, or None. Units: tenths.

    | prefix | low | high | |
    |---|---|---|---|
    | None | 5 | 90 | 5 |
    | 1 | 5 | 90 | 10 |
    | 1 | 25 | 130 | 100 |
    | 0 | 10 | 90 | None: nothing follows a first zero |
    """
    if prefix is None:
        return low
    scale = 1
    while prefix * scale * 10 <= high:
        time = max(low, prefix * scale * 10)
        if time // 10 < (prefix + 1) * scale:
            return time
        if prefix == 0:
            return None
        scale *= 10
    return None
