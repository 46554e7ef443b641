"""Many requests at once: fair, shared, streamed, and each answered as if it were alone."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from model.audio.waveform import Waveform
from model.engine.encoding import EncoderQueue, Hearing
from model.engine.session import Inquiry, Session
from model.engine.updates import Answered, DeviceLost, Done, Encoded, Failed, Found, Started, Update
from model.errors import AudioTooLong, ContextTooLong, EmptyPrompt, OutOfMemory, TaskNotSupported
from model.language.decoding import Decoding
from model.pipeline import Pipeline
from tests.factories import small_model

SHORT = Decoding(max_new_tokens=25)


def noise(seconds: float, seed: int = 0) -> Waveform:
    rng = np.random.default_rng(seed)
    return Waveform((rng.standard_normal(round(seconds * 16_000)) * 0.1).astype(np.float32))


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(*small_model(), num_slots=6)


@pytest.fixture
def session(pipeline: Pipeline) -> Iterator[Session]:
    session = pipeline.session()
    yield session
    assert session.is_idle
    assert session.num_free == 6


@pytest.fixture
def batches(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The lengths in samples of what went through the encoders together."""
    seen: list[list[int]] = []
    encode = pipeline.model.encode_batch

    def spy(segments: list) -> list:
        seen.append([segment.num_samples for segment in segments])
        return encode(segments)

    monkeypatch.setattr(pipeline.model, "encode_batch", spy)
    return seen


def run(session: Session) -> dict[Inquiry, list[Update]]:
    told: dict[Inquiry, list[Update]] = {}
    while not session.is_idle:
        for inquiry, update in session.step():
            told.setdefault(inquiry, []).append(update)
    return told


@pytest.mark.parametrize("num_beams", [1, 3])
def test_everybody_gets_the_answer_that_they_would_get_alone(
    pipeline: Pipeline, session: Session, num_beams: int
) -> None:
    decoding = Decoding(num_beams=num_beams, max_new_tokens=25)
    sounds = [noise(seconds, seed) for seed, seconds in enumerate((1.0, 2.5, 1.0, 31.0, 62.0, 2.5))]
    inquiries = []
    for number, sound in enumerate(sounds):
        task, queries = (("ground", ("a dog", "rain")), ("dense_caption", ()))[number % 2]
        inquiries.append(session.submit(sound, task, queries, decoding))
    told = run(session)
    for sound, inquiry in zip(sounds, inquiries, strict=True):
        updates = told[inquiry]
        assert [type(u) for u in updates[:2]] == [Started, Encoded]
        assert updates[-1] == Done()
        recording = pipeline.encode(sound)
        assert updates[1].num_audio_tokens == recording.num_audio_tokens
        found = {u.index: u.answer for u in updates if isinstance(u, Answered)}
        assert list(found) == list(range(len(inquiry.questions)))  # in the order of the queries
        for index, question in enumerate(inquiry.questions):
            alone = pipeline.answer(recording, inquiry.task, question, decoding)
            assert found[index].text == alone.text
            assert found[index].events == alone.events
            assert found[index].num_prompt_tokens == alone.num_prompt_tokens


def test_events_are_told_as_they_are_complete_and_answers_in_the_order_of_the_queries(session: Session) -> None:
    num_early, orders = 0, set()
    for seed in (0, 2, 4):
        wild = Decoding(max_new_tokens=150, temperature=50.0, seed=seed)  # every token is about as likely
        inquiry = session.submit(noise(12.0, seed), "ground", ("a", "b", "c"), wild)
        updates = run(session)[inquiry]
        answers = [update for update in updates if isinstance(update, Answered)]
        assert [answer.index for answer in answers] == [0, 1, 2]
        for answer in answers:
            found = [(u.event, updates.index(u)) for u in updates if isinstance(u, Found) and u.index == answer.index]
            assert [event for event, _ in found] == list(answer.answer.events)
            assert all(place < updates.index(answer) for _, place in found)
            num_early += sum(isinstance(updates[place + 1], Found) for _, place in found)
        lengths = [len(answer.answer.completion.ids) for answer in answers]
        orders.add(tuple(sorted(range(3), key=lengths.__getitem__)))
    assert num_early >= 5  # most events came while all three answers were being written
    assert orders != {(0, 1, 2)}  # and those did not end in this order


def test_segments_of_one_length_share_batches_whosever_they_are(session: Session, batches: list[list[int]]) -> None:
    for seconds in (10.0, 7.0, 10.0, 10.0, 7.0, 10.0):
        session.submit(noise(seconds), "dense_caption", (), Decoding(max_new_tokens=1))
    run(session)
    assert batches == [[160_000] * 3, [112_000] * 2, [160_000]]


def test_a_long_recording_does_not_hold_up_a_short_one(session: Session, batches: list[list[int]]) -> None:
    long = session.submit(noise(300.0), "dense_caption", (), SHORT)
    assert [type(update) for _, update in session.step()] == [Started]
    short = session.submit(noise(2.0), "dense_caption", (), Decoding(max_new_tokens=3))
    steps = 0
    while not any(inquiry is short and isinstance(update, Done) for inquiry, update in session.step()):
        steps += 1
    assert steps <= 5
    assert batches[:3] == [[480_000], [480_000], [32_000]]
    session.cancel(long)


def test_a_full_engine_encodes_nobody_who_would_only_wait(session: Session, batches: list[list[int]]) -> None:
    session.submit(noise(1.0), "ground", [f"query {i}" for i in range(7)], SHORT)
    session.step()
    assert session.num_free == 0
    session.submit(noise(1.5), "dense_caption", (), SHORT)
    session.step()
    assert batches == [[16_000]]
    run(session)
    assert batches == [[16_000], [24_000]]


@pytest.mark.parametrize("steps", [0, 1, 2, 4])
def test_a_cancelled_request_leaves_nothing_behind(session: Session, steps: int) -> None:
    gone = session.submit(noise(61.0), "ground", ("a dog", "rain"), SHORT)
    stays = session.submit(noise(1.0), "dense_caption", (), SHORT)
    for _ in range(steps):
        session.step()
    session.cancel(gone)
    told = run(session)
    assert gone not in told
    assert told[stays][-1] == Done()


def test_what_cannot_be_answered_is_refused(session: Session) -> None:
    with pytest.raises(TaskNotSupported, match="not for summarize"):
        session.submit(noise(1.0), "summarize", (), SHORT)
    with pytest.raises(EmptyPrompt):
        session.submit(noise(1.0), "ground", ("a dog", " . "), SHORT)
    long = session.submit(noise(1.0), "ground", ("a dog", "wow " * 600), SHORT)
    [*_, last] = run(session)[long]
    assert isinstance(last, Failed)
    assert isinstance(last.error, ContextTooLong)


def memory_hog(limit: int) -> Callable[..., None]:
    """A hook that needs more memory than there is for more than so many waveforms."""

    def hook(module: torch.nn.Module, args: tuple[torch.Tensor, ...]) -> None:
        if len(args[0]) > limit:
            torch.empty(2**60)

    return hook


def test_encoders_without_memory_halve_the_batch_once(
    pipeline: Pipeline, session: Session, batches: list[list[int]]
) -> None:
    handle = pipeline.model.speech.register_forward_pre_hook(memory_hog(2))
    try:
        inquiries = [session.submit(noise(10.0), "dense_caption", (), Decoding(max_new_tokens=2)) for _ in range(3)]
        told = run(session)
    finally:
        handle.remove()
    assert batches == [[160_000] * 3, [160_000] * 2, [160_000]]
    assert all(told[inquiry][-1] == Done() for inquiry in inquiries)


def test_a_recording_without_memory_fails_alone(pipeline: Pipeline, session: Session) -> None:
    running = session.submit(noise(1.0), "dense_caption", (), SHORT)
    session.step()
    handle = pipeline.model.speech.register_forward_pre_hook(memory_hog(0))
    try:
        hit = session.submit(noise(61.0), "dense_caption", (), SHORT)
        told = run(session)
    finally:
        handle.remove()
    assert told[running][-1] == Done()
    assert [type(update) for update in told[hit]] == [Started, Failed]
    assert isinstance(told[hit][-1].error, OutOfMemory)


def test_a_lost_device_is_told_apart(pipeline: Pipeline, session: Session) -> None:
    def lost(module: torch.nn.Module, args: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    handle = pipeline.model.speech.register_forward_pre_hook(lost)
    inquiry = session.submit(noise(1.0), "dense_caption", (), SHORT)
    try:
        with pytest.raises(DeviceLost):
            session.step()
    finally:
        handle.remove()
    session.cancel(inquiry)


def test_a_checkpoint_that_hears_recordings_as_a_whole_refuses_long_ones(pipeline: Pipeline) -> None:
    queue, hearing, other = EncoderQueue(pipeline.model), Hearing(noise(1.0)), Hearing(noise(0.5))

    def too_long(*_: object) -> None:
        raise AudioTooLong(limit_s=180)

    queue.add(hearing)
    queue.add(other)
    joined, pipeline.model.joined = pipeline.model.joined, too_long
    try:
        queue.step()
    finally:
        pipeline.model.joined = joined
    queue.step()
    assert isinstance(hearing.error, AudioTooLong)
    assert other.tokens is not None
