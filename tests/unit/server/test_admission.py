"""Who may enter."""

import pytest

from server.engine.admission import Admission
from server.errors import Overloaded
from server.settings import Limits


def samples(seconds: float) -> int:
    return round(seconds * 16_000)


def test_places_are_counted_and_given_back() -> None:
    admission = Admission(Limits(queued_requests=2))
    with admission.enter(), admission.enter():
        assert admission.requests == 2
        with pytest.raises(Overloaded, match="TIMEAUDIO_LIMITS__QUEUED_REQUESTS"), admission.enter():
            pass
        assert admission.requests == 2
    assert admission.requests == 0


def test_a_failure_gives_the_place_and_the_audio_back() -> None:
    admission = Admission(Limits(queued_audio_seconds=100.0))

    def fail() -> None:
        with admission.enter() as first, admission.enter() as second:
            first.add_audio(samples(10.0))
            second.add_audio(samples(100.0))

    with pytest.raises(Overloaded):
        fail()
    assert (admission.requests, admission.audio_s) == (0, 0.0)


@pytest.mark.parametrize(("seconds", "fits"), [(49.9, True), (50.0, True), (50.1, False)])
def test_audio_is_bounded(seconds: float, fits: bool) -> None:
    admission = Admission(Limits(queued_audio_seconds=100.0))
    with admission.enter() as first, admission.enter() as second:
        first.add_audio(samples(50.0))
        if fits:
            second.add_audio(samples(seconds))
        else:
            with pytest.raises(Overloaded, match="TIMEAUDIO_LIMITS__QUEUED_AUDIO_SECONDS"):
                second.add_audio(samples(seconds))
        assert admission.audio_s == 50.0 + seconds * fits
    assert admission.audio_s == 0.0


def test_one_recording_always_fits() -> None:
    admission = Admission(Limits(queued_audio_seconds=100.0))
    with admission.enter() as ticket:
        ticket.add_audio(samples(1000.0))
        assert admission.audio_s == 1000.0


def test_the_wait_follows_the_measured_rate() -> None:
    admission = Admission(Limits())
    assert admission.wait_s == 1.0
    with admission.enter() as ticket:
        ticket.add_audio(samples(600.0))
        guess = admission.wait_s
        for _ in range(50):
            admission.measured(model_s=20.0, audio_s=10.0)
        assert admission.wait_s == pytest.approx(1200.0, abs=2.0)
        assert admission.wait_s > guess


def test_who_was_begun_with_is_not_waited_for_and_workers_share() -> None:
    workers = 1
    admission = Admission(Limits(), num_workers=lambda: workers)
    for _ in range(100):
        admission.measured(model_s=20.0, audio_s=10.0)
    with admission.enter() as first, admission.enter() as second:
        first.add_audio(samples(30.0))
        second.add_audio(samples(10.0))
        first.starts()
        first.starts()  # said again when it is asked again
        assert admission.turn_s == pytest.approx(20.0, abs=0.1)
        assert admission.wait_s == pytest.approx(80.0, abs=1.0)
        workers = 2
        assert admission.turn_s == pytest.approx(10.0, abs=0.1)
    assert admission.turn_s == 0.0
