"""The pipeline from a waveform to an answer."""

import numpy as np
import pytest
import torch

from model.audio.segment import split
from model.audio.waveform import Waveform
from model.errors import CorruptAudio, EmptyPrompt, TaskNotSupported
from model.pipeline import Decoding, Pipeline
from model.task_params import TaskParams
from tests.factories import small_model

DECODING = Decoding(max_new_tokens=30)


@pytest.fixture(scope="module")
def pipeline():
    return Pipeline(*small_model())


def noise(seconds, seed=0):
    rng = np.random.default_rng(seed)
    return Waveform((rng.standard_normal(round(seconds * 16_000)) * 0.1).astype(np.float32))


def test_one_token_per_window_merged_above_thirty_seconds(pipeline):
    for seconds, tokens in [(0.1, 1), (0.34, 1), (0.35, 2), (10, 30), (30, 89), (30.2, 89), (30.3, 26), (62.3, 54)]:
        assert pipeline.encode(noise(seconds)).num_audio_tokens == tokens


def test_a_segment_is_encoded_independently_of_later_ones(pipeline):
    for samples in (479_999, 480_000, 480_001, 960_001):
        waveform = noise(samples / 16_000)
        with torch.no_grad():
            whole = pipeline.model.encode_segments(split(waveform))[1]
            first = pipeline.model.encode_segments(split(Waveform(waveform.samples[:480_000])))[1]
        assert whole.shape[1] == -(-samples // 320)
        torch.testing.assert_close(whole[:, : first.shape[1]], first, atol=1e-4, rtol=0)


def test_answers_are_within_the_recording_and_count_tokens(pipeline):
    recording = pipeline.encode(noise(3.21))
    answer = pipeline.dense_caption(recording, DECODING)
    assert recording.duration == 32
    assert answer.num_prompt_tokens > recording.num_audio_tokens
    assert answer.num_completion_tokens > 0
    assert all(i.end <= 32 for i in answer.intervals)


def test_the_same_question_gets_the_same_answer(pipeline):
    recording = pipeline.encode(noise(2))
    one, other = (pipeline.ground(recording, query, DECODING) for query in ("a dog", "  a  dog. "))
    assert (one.events, one.written, one.num_prompt_tokens) == (other.events, other.written, other.num_prompt_tokens)


def test_empty_queries_and_unsupported_tasks_are_rejected(pipeline):
    recording = pipeline.encode(noise(1))
    with pytest.raises(EmptyPrompt):
        pipeline.ground(recording, " . ", DECODING)
    with pytest.raises(TaskNotSupported, match="not for summarize"):
        pipeline.answer(recording, "summarize", "What is said?", DECODING)


def test_longer_audio_allows_a_longer_answer():
    pipeline, limits = Pipeline(*small_model()), {}
    for seconds in (2, 30, 31):
        question = pipeline.ask(pipeline.encode(noise(seconds)), "dense_caption", "What is heard?")
        session = pipeline.session()
        request = session.submit(noise(seconds), TaskParams(task="dense_caption"))
        while not request.running:
            session.step()
        limits[seconds] = question.sequence.search.limit, request.running[0].sequence.search.limit
    assert limits == {2: (300, 300), 30: (300, 300), 31: (600, 600)}


def test_a_failed_or_interrupted_answer_and_numbers_that_are_not_finite_leave_nothing_behind(monkeypatch):
    pipeline = Pipeline(*small_model(), num_slots=1)
    recording = pipeline.encode(noise(2))
    before = pipeline.dense_caption(recording, DECODING)
    with monkeypatch.context() as patched:
        patched.setattr(pipeline.engine, "step", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            pipeline.dense_caption(recording, DECODING)
    samples = noise(3).samples.copy()
    samples[5] = np.nan
    with pytest.raises(CorruptAudio):
        pipeline.encode(Waveform(samples))
    assert pipeline.dense_caption(recording, DECODING).written == before.written
