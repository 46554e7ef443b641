"""When the watchdog declares a worker dead."""

from server.workers.watchdog import Watchdog


def dog() -> Watchdog:
    return Watchdog(heartbeat_s=1.0, silent_s=3.0, stuck_s=4.0)


def test_a_silent_worker() -> None:
    it = dog()
    it.missed()
    assert not it.is_doubtful
    it.missed()
    assert it.is_doubtful
    assert it.verdict is None
    it.report(num_steps=1, is_busy=True)  # the worker was only slow
    assert not it.is_doubtful
    for _ in range(2):
        it.missed()
    assert it.verdict is None
    it.missed()
    assert "SILENT_S" in (it.verdict or "")


def test_a_busy_worker_without_steps() -> None:
    it = dog()
    for _ in range(4):
        it.report(num_steps=7, is_busy=True)
    assert it.verdict is None  # the first report only sets the step count
    assert it.is_doubtful
    it.report(num_steps=7, is_busy=True)
    assert "STUCK_S" in (it.verdict or "")


def test_idle_workers_and_workers_with_steps_are_healthy() -> None:
    it = dog()
    for number in range(20):
        it.report(num_steps=7, is_busy=False)
        it.report(num_steps=number, is_busy=True)
    for _ in range(20):
        it.report(num_steps=7, is_busy=False)
    assert it.verdict is None
    assert not it.is_doubtful
