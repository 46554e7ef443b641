"""When a worker is given up."""

from server.engine.watchdog import Watchdog


def dog() -> Watchdog:
    return Watchdog(heartbeat_s=1.0, silent_s=3.0, stuck_s=4.0)


def test_silence() -> None:
    it = dog()
    it.missed()
    assert not it.is_doubtful
    it.missed()
    assert it.is_doubtful
    assert it.verdict is None
    it.heard(num_steps=1, is_busy=True)  # it was slow, that is all
    assert not it.is_doubtful
    for _ in range(2):
        it.missed()
    assert it.verdict is None
    it.missed()
    assert "SILENT_S" in (it.verdict or "")


def test_work_without_a_step() -> None:
    it = dog()
    for _ in range(4):
        it.heard(num_steps=7, is_busy=True)
    assert it.verdict is None  # the first of them only told where it was
    assert it.is_doubtful
    it.heard(num_steps=7, is_busy=True)
    assert "STUCK_S" in (it.verdict or "")


def test_idleness_and_steps_are_no_reason() -> None:
    it = dog()
    for number in range(20):
        it.heard(num_steps=7, is_busy=False)
        it.heard(num_steps=number, is_busy=True)
    for _ in range(20):
        it.heard(num_steps=7, is_busy=False)
    assert it.verdict is None
    assert not it.is_doubtful
