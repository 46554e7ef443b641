"""A session with many requests: fair, batched and streamed, with the same answers as for single requests."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from model.audio.waveform import Waveform
from model.engine.encoding import EncodeJob, EncoderQueue
from model.engine.session import Request, Session
from model.engine.updates import Answered, DeviceLost, Done, Encoded, Failed, Found, Started, Update
from model.errors import (
    AudioTooLong,
    ContextTooLong,
    CorruptAudio,
    EmptyAudio,
    EmptyPrompt,
    OutOfMemory,
    TaskNotSupported,
)
from model.language.decoding import Decoding
from model.pipeline import Pipeline
from model.task_params import TaskParams
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
    """The lengths in samples of the segments in each encoder batch."""
    seen: list[list[int]] = []
    encode = pipeline.model.encode_batch

    def spy(segments: list) -> list:
        seen.append([segment.num_samples for segment in segments])
        return encode(segments)

    monkeypatch.setattr(pipeline.model, "encode_batch", spy)
    return seen


def run(session: Session) -> dict[Request, list[Update]]:
    updates: dict[Request, list[Update]] = {}
    while not session.is_idle:
        for request, update in session.step():
            updates.setdefault(request, []).append(update)
    return updates


@pytest.mark.parametrize("num_beams", [1, 3])
def test_requests_get_the_same_answers_as_single_requests(pipeline: Pipeline, session: Session, num_beams: int) -> None:
    decoding = Decoding(num_beams=num_beams, max_new_tokens=25)
    sounds = [noise(seconds, seed) for seed, seconds in enumerate((1.0, 2.5, 1.0, 31.0, 62.0, 2.5))]
    requests = []
    for number, sound in enumerate(sounds):
        task, queries = (("ground", ("a dog", "rain")), ("dense_caption", ()))[number % 2]
        requests.append(session.submit(sound, TaskParams(task=task, queries=queries, decoding=decoding)))
    updates = run(session)
    for sound, request in zip(sounds, requests, strict=True):
        received = updates[request]
        assert [type(u) for u in received[:2]] == [Started, Encoded]
        assert received[-1] == Done()
        recording = pipeline.encode(sound)
        assert received[1].num_audio_tokens == recording.num_audio_tokens
        found = {u.index: u.answer for u in received if isinstance(u, Answered)}
        assert list(found) == list(range(len(request.questions)))  # in the order of the queries
        for index, question in enumerate(request.questions):
            alone = pipeline.answer(recording, request.params.task, question, decoding)
            assert found[index].text == alone.text
            assert found[index].events == alone.events
            assert found[index].num_prompt_tokens == alone.num_prompt_tokens


def test_events_are_sent_when_complete_and_answers_in_query_order(session: Session) -> None:
    num_early, orders = 0, set()
    for seed in (0, 2, 4):
        wild = Decoding(max_new_tokens=150, temperature=50.0, seed=seed)  # all tokens are almost equally likely
        request = session.submit(noise(12.0, seed), TaskParams(task="ground", queries=("a", "b", "c"), decoding=wild))
        updates = run(session)[request]
        answers = [update for update in updates if isinstance(update, Answered)]
        assert [answer.index for answer in answers] == [0, 1, 2]
        for answer in answers:
            found = [(u.event, updates.index(u)) for u in updates if isinstance(u, Found) and u.index == answer.index]
            assert [event for event, _ in found] == list(answer.answer.events)
            assert all(place < updates.index(answer) for _, place in found)
            num_early += sum(isinstance(updates[place + 1], Found) for _, place in found)
        lengths = [answer.answer.num_completion_tokens for answer in answers]
        orders.add(tuple(sorted(range(3), key=lengths.__getitem__)))
    assert num_early >= 5  # most events are sent before their answers are complete
    assert orders != {(0, 1, 2)}  # the answers do not finish in query order


def test_each_interval_has_an_embedding_if_requested(session: Session) -> None:
    wild = Decoding(max_new_tokens=150, temperature=50.0, seed=0)
    with_them, without = (
        session.submit(noise(12.0), TaskParams(task="ground", queries=("a", "b"), decoding=wild, embeddings=embeddings))
        for embeddings in (True, False)
    )
    updates = run(session)
    found = [interval for u in updates[with_them] if isinstance(u, Found) for interval in u.event.intervals]
    answered = [i for u in updates[with_them] if isinstance(u, Answered) for i in u.answer.intervals]
    assert found
    for interval in (*found, *answered):
        assert interval.embedding is not None
        assert torch.tensor(interval.embedding).norm() == pytest.approx(1.0)
        assert len(interval.embedding) == 32  # numbers in the small model's word embeddings
    assert {i: i.embedding for i in found} == {i: i.embedding for i in answered}
    plain = [i for u in updates[without] if isinstance(u, Answered) for i in u.answer.intervals]
    assert plain
    assert all(interval.embedding is None for interval in plain)


def test_segments_of_equal_length_share_batches_across_requests(session: Session, batches: list[list[int]]) -> None:
    for seconds in (10.0, 7.0, 10.0, 10.0, 7.0, 10.0):
        session.submit(noise(seconds), TaskParams(task="dense_caption", decoding=Decoding(max_new_tokens=1)))
    run(session)
    assert batches == [[160_000] * 3, [112_000] * 2, [160_000]]


def test_a_long_recording_does_not_delay_a_short_one(session: Session, batches: list[list[int]]) -> None:
    long = session.submit(noise(300.0), TaskParams(task="dense_caption", decoding=SHORT))
    assert [type(update) for _, update in session.step()] == [Started]
    short = session.submit(noise(2.0), TaskParams(task="dense_caption", decoding=Decoding(max_new_tokens=3)))
    steps = 0
    while not any(request is short and isinstance(update, Done) for request, update in session.step()):
        steps += 1
    assert steps <= 5
    assert batches[:3] == [[480_000], [480_000], [32_000]]
    session.cancel(long)


def test_a_full_engine_does_not_encode_waiting_requests(session: Session, batches: list[list[int]]) -> None:
    session.submit(noise(1.0), TaskParams(task="ground", queries=("a dog",) * 7, decoding=SHORT))
    session.step()
    assert session.num_free == 0
    session.submit(noise(1.5), TaskParams(task="dense_caption", decoding=SHORT))
    session.step()
    assert batches == [[16_000]]
    run(session)
    assert batches == [[16_000], [24_000]]


def test_a_cancelled_request_frees_everything(session: Session) -> None:
    for steps in (0, 1, 2, 4):
        gone = session.submit(noise(61.0), TaskParams(task="ground", queries=("a dog", "rain"), decoding=SHORT))
        stays = session.submit(noise(1.0), TaskParams(task="dense_caption", decoding=SHORT))
        for _ in range(steps):
            session.step()
        session.cancel(gone)
        updates = run(session)
        assert gone not in updates
        assert updates[stays][-1] == Done()
        assert session.num_free == 6


def test_invalid_requests_are_rejected(session: Session) -> None:
    with pytest.raises(TaskNotSupported, match="not for summarize"):
        session.submit(noise(1.0), TaskParams(task="summarize", decoding=SHORT))
    with pytest.raises(EmptyPrompt):
        session.submit(noise(1.0), TaskParams(task="ground", queries=("a dog", " . "), decoding=SHORT))
    long = session.submit(noise(1.0), TaskParams(task="ground", queries=("a dog", "wow " * 600), decoding=SHORT))
    [*_, last] = run(session)[long]
    assert isinstance(last, Failed)
    assert isinstance(last.error, ContextTooLong)


def memory_hog(limit: int) -> Callable[..., None]:
    """Return a hook that runs out of memory for more than `limit` waveforms."""

    def hook(module: torch.nn.Module, args: tuple[torch.Tensor, ...]) -> None:
        if len(args[0]) > limit:
            torch.empty(2**60)

    return hook


def test_an_encoder_batch_that_runs_out_of_memory_is_halved_once(
    pipeline: Pipeline, session: Session, batches: list[list[int]]
) -> None:
    handle = pipeline.model.speech.register_forward_pre_hook(memory_hog(2))
    try:
        requests = [
            session.submit(noise(10.0), TaskParams(task="dense_caption", decoding=Decoding(max_new_tokens=2)))
            for _ in range(3)
        ]
        updates = run(session)
    finally:
        handle.remove()
    assert batches == [[160_000] * 3, [160_000] * 2, [160_000]]
    assert all(updates[request][-1] == Done() for request in requests)


def test_only_the_recording_that_runs_out_of_memory_fails(pipeline: Pipeline, session: Session) -> None:
    running = session.submit(noise(1.0), TaskParams(task="dense_caption", decoding=SHORT))
    session.step()
    handle = pipeline.model.speech.register_forward_pre_hook(memory_hog(0))
    try:
        hit = session.submit(noise(61.0), TaskParams(task="dense_caption", decoding=SHORT))
        updates = run(session)
    finally:
        handle.remove()
    assert updates[running][-1] == Done()
    assert [type(update) for update in updates[hit]] == [Started, Failed]
    assert isinstance(updates[hit][-1].error, OutOfMemory)


def test_a_lost_device_is_a_separate_error(pipeline: Pipeline, session: Session) -> None:
    def lost(module: torch.nn.Module, args: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    handle = pipeline.model.speech.register_forward_pre_hook(lost)
    request = session.submit(noise(1.0), TaskParams(task="dense_caption", decoding=SHORT))
    try:
        with pytest.raises(DeviceLost):
            session.step()
    finally:
        handle.remove()
    session.cancel(request)


def test_a_recording_too_long_for_the_checkpoint_fails_alone(pipeline: Pipeline) -> None:
    queue, job, other = EncoderQueue(pipeline.model), EncodeJob(noise(1.0)), EncodeJob(noise(0.5))

    def too_long(*_: object) -> None:
        raise AudioTooLong(limit_s=180)

    queue.add(job)
    queue.add(other)
    joined, pipeline.model.joined = pipeline.model.joined, too_long
    try:
        queue.step()
    finally:
        pipeline.model.joined = joined
    queue.step()
    assert isinstance(job.error, AudioTooLong)
    assert other.tokens is not None


def test_samples_that_cannot_be_computed_fail_their_request_only(session: Session) -> None:
    samples = noise(1.0).samples.copy()
    samples[100:140] = 1e30
    params = TaskParams(task="dense_caption", decoding=SHORT)
    hit, stays = (session.submit(sound, params) for sound in (Waveform(samples), noise(1.0)))
    updates = run(session)
    assert isinstance(updates[hit][-1], Failed)
    assert isinstance(updates[hit][-1].error, CorruptAudio)
    assert updates[stays][-1] == Done()


def test_an_answer_that_ends_in_a_step_of_another_user_of_the_engine_is_reported(
    pipeline: Pipeline, session: Session
) -> None:
    request = session.submit(noise(1.0), TaskParams(task="dense_caption", decoding=Decoding(max_new_tokens=3)))
    updates = [update for _, update in session.step()]
    pipeline.dense_caption(pipeline.encode(noise(2.0)), SHORT)
    updates += [update for each, update in session.step() if each is request]
    assert updates[-1] == Done()


def test_a_recording_without_samples_is_refused(pipeline: Pipeline, session: Session) -> None:
    empty = Waveform(np.zeros(0, np.float32))
    with pytest.raises(EmptyAudio):
        session.submit(empty, TaskParams(task="dense_caption"))
    with pytest.raises(EmptyAudio):
        pipeline.encode(empty)
