"""Valid next digits, compared with a slow version that writes out every time in the range."""

from model.timeline.digits import next_digits, next_tenths, smallest, spans

BOUNDS = [0, 1, 9, 10, 11, 19, 20, 89, 99, 100, 101, 110, 199, 999, 1000, 1010]


def spelled(time: int) -> str:
    return f"{time // 10}.{time % 10}"


def test_a_digit_is_allowed_if_and_only_if_a_valid_time_follows() -> None:
    for low in BOUNDS:
        for high in [bound for bound in BOUNDS if bound >= low]:
            compare_with_all_times(low, high)


def compare_with_all_times(low: int, high: int) -> None:
    times = [spelled(time) for time in range(low, high + 1)]
    for prefix in (None, *range(103)):
        written = "" if prefix is None else str(prefix)
        following = [time for time in times if time.startswith(written)]
        seen = {time[len(written)] for time in following}
        assert set(next_digits(prefix, low, high)) == {int(char) for char in seen - {"."}}
        tenths = {int(time[-1]) for time in following if time[len(written)] == "."} if written else set()
        assert set(next_tenths(prefix, low, high)) == tenths
        earliest = min((int(time.replace(".", "")) for time in following), default=None)
        assert smallest(prefix, low, high) == earliest
        found = [time for times in spans(prefix, low, high) for time in times]
        assert [spelled(time) for time in found] == following


def test_digits_come_in_order() -> None:
    assert next_digits(None, 0, 1000) == list(range(10))
    assert next_tenths(0, 0, 1000) == list(range(10))
