"""Admission: limits for queued requests and queued audio, and the estimated wait."""

import pytest

from server.errors import Overloaded
from server.inference.admission import Admission
from server.settings import Limits


def samples(seconds: float) -> int:
    return round(seconds * 16_000)


def test_places_are_counted_and_freed() -> None:
    admission = Admission(Limits(queued_requests=2))
    with admission.enter(), admission.enter():
        assert admission.requests == 2
        with pytest.raises(Overloaded, match="TIMEAUDIO_LIMITS__QUEUED_REQUESTS"), admission.enter():
            pass
        assert admission.requests == 2
    assert admission.requests == 0


def test_a_request_that_needs_two_places_fits_alone_into_a_queue_of_one() -> None:
    admission = Admission(Limits(queued_requests=1))
    with admission.enter(), admission.enter(beside=1), pytest.raises(Overloaded), admission.enter():
        pass
    admission = Admission(Limits(queued_requests=2))
    with admission.enter(), admission.enter(), pytest.raises(Overloaded), admission.enter(beside=1):
        pass


def test_a_failure_frees_the_place_and_the_audio() -> None:
    admission = Admission(Limits(queued_audio_seconds=100.0))

    def fail() -> None:
        with admission.enter() as first, admission.enter() as second:
            first.add_audio(samples(10.0))
            second.add_audio(samples(100.0))

    with pytest.raises(Overloaded):
        fail()
    assert (admission.requests, admission.audio_s) == (0, 0.0)


def test_a_request_can_analyse_its_audio_twice_one_after_the_other() -> None:
    admission = Admission(Limits(queued_audio_seconds=100.0))
    with admission.enter() as first, admission.enter() as second:
        for ticket in (first, second):
            ticket.add_audio(samples(90.0))
            ticket.starts()
            assert (admission.audio_s, admission.turn_s) == (90.0, 0.0)
            ticket.release_audio()
            assert (admission.audio_s, admission.turn_s) == (0.0, 0.0)
    assert (admission.requests, admission.num_waiting) == (0, 0)


@pytest.mark.parametrize(("seconds", "fits"), [(50.0, True), (50.1, False)])
def test_queued_audio_is_limited(seconds: float, fits: bool) -> None:
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


def test_a_single_recording_is_always_admitted() -> None:
    admission = Admission(Limits(queued_audio_seconds=100.0))
    with admission.enter() as ticket:
        ticket.add_audio(samples(1000.0))
        assert admission.audio_s == 1000.0


def test_the_estimated_wait_follows_the_measured_rate() -> None:
    admission = Admission(Limits())
    assert admission.wait_s == 1.0
    with admission.enter() as ticket:
        ticket.add_audio(samples(600.0))
        first_estimate = admission.wait_s
        for _ in range(50):
            admission.measured(model_s=20.0, audio_s=10.0)
        assert admission.wait_s == pytest.approx(1200.0, abs=2.0)
        assert admission.wait_s > first_estimate


def test_the_wait_excludes_started_requests_and_is_shared_by_workers() -> None:
    workers = 1
    admission = Admission(Limits(), num_workers=lambda: workers)
    for _ in range(100):
        admission.measured(model_s=20.0, audio_s=10.0)
    with admission.enter() as first, admission.enter() as second:
        first.add_audio(samples(30.0))
        second.add_audio(samples(10.0))
        first.starts()
        first.starts()  # a retry calls it again
        assert admission.turn_s == pytest.approx(20.0, abs=0.1)
        assert admission.wait_s == pytest.approx(80.0, abs=1.0)
        workers = 2
        assert admission.turn_s == pytest.approx(10.0, abs=0.1)
    assert admission.turn_s == 0.0


def test_a_request_waits_until_it_starts() -> None:
    admission = Admission(Limits())
    with admission.enter() as first:
        with admission.enter() as second:
            assert (admission.requests, admission.num_waiting) == (2, 2)
            first.starts()
            assert admission.num_waiting == 1
            second.starts()
            second.starts()
            assert (admission.requests, admission.num_waiting) == (2, 0)
        assert (admission.requests, admission.num_waiting) == (1, 0)
    assert (admission.requests, admission.num_waiting) == (0, 0)
