"""The limits of a caller: requests per minute, and requests at a time."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from server.auth import rate_limiter
from server.auth.keys import digest
from server.auth.rate_limiter import RateLimiter
from server.errors import RateLimited


class Clock:
    """A clock that stands still until it is set."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(rate_limiter.time, "monotonic", clock.monotonic)
    return clock


def limiter(folder: Path, limits: str) -> RateLimiter:
    path = folder / "keys.toml"
    path.write_text(f'[archive]\nsha256 = ["{digest("key")}"]\n{limits}\n')
    return RateLimiter(path, CollectorRegistry())


def send(limiter: RateLimiter) -> None:
    with limiter.enter("Bearer key"):
        pass


def test_the_allowance_of_a_minute_comes_back_over_a_minute(tmp_path: Path, clock: Clock) -> None:
    gate = limiter(tmp_path, "requests_per_minute = 6")
    for _ in range(6):
        send(gate)
    with pytest.raises(RateLimited) as caught:
        send(gate)
    assert caught.value.retry_after_s == pytest.approx(10.0)
    clock.now += 9.9
    with pytest.raises(RateLimited):
        send(gate)
    clock.now += 0.2
    send(gate)
    clock.now += 3600.0  # unused allowance does not add up
    for _ in range(6):
        send(gate)
    with pytest.raises(RateLimited):
        send(gate)


def test_requests_at_a_time(tmp_path: Path, clock: Clock) -> None:
    gate = limiter(tmp_path, "concurrent = 2")
    with gate.enter("Bearer key"), gate.enter("Bearer key"), pytest.raises(RateLimited, match="2 requests in progress"):
        send(gate)
    send(gate)
