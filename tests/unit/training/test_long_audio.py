"""Questions about recordings of any length, to a fake pipeline that finds loud parts."""

from dataclasses import dataclass

import numpy as np

from model.audio.waveform import Waveform
from model.engine.updates import ParsedAnswer
from model.pipeline import Decoding
from model.timeline.event import Event
from model.timeline.interval import Interval
from tests.small_recordings import RATE, noise
from training.long_audio import EncodedPasses


@dataclass
class EncodedSamples:
    samples: np.ndarray

    @property
    def num_samples(self):
        return len(self.samples)


class LoudPipeline:
    """Every tenth above a fiftieth of full scale is part of an event."""

    def __init__(self):
        self.lengths, self.max_tokens = [], []

    def encode(self, waveform):
        self.lengths.append(waveform.num_samples)
        return EncodedSamples(waveform.samples)

    def answer(self, recording, task, question, decoding, *, num_passes):
        self.max_tokens.append(decoding.max_new_tokens)
        tenths = len(recording.samples) // (RATE // 10)
        blocks = recording.samples[: tenths * RATE // 10].reshape(tenths, -1)
        loud = np.abs(blocks).mean(axis=1) > 0.02
        edges = np.flatnonzero(np.diff(np.concatenate([[0], loud.astype(int), [0]])))
        spans = [Interval(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
        events = tuple(Event((span,), "A dog barks." if task == "dense_caption" else "") for span in spans)
        return ParsedAnswer(events, "", 0, 0, separate=events)


def recording(seconds, *bursts):
    samples = np.zeros(round(seconds * RATE), np.float32)
    for start, end in bursts:
        samples[round(start * RATE) : round(end * RATE)] = noise(end - start)
    return Waveform(samples)


BURSTS = [(1.0, 2.0), (15.0, 19.0), (21.0, 23.5), (28.0, 30.5), (40.0, 46.0), (50.0, 50.5), (64.0, 65.0)]
"""One in each overlap of three passes, which begin at 0, 20.4 and 40.8 s, and one from before to behind another."""


def test_events_of_65_s_are_merged_on_the_recordings_clock():
    for task, caption in (("dense_caption", "A dog barks."), ("ground", "")):
        passes = EncodedPasses(LoudPipeline(), recording(65.0, *BURSTS), 300)
        events, answers = passes.answers(task, "?", Decoding())
        assert [(i.start_s, i.end_s) for event in events for i in event.intervals] == BURSTS
        assert len(answers) == 3
        assert sum(len(answer.events) for answer in answers) > len(BURSTS), "two of them are in two passes"
        assert {event.caption for event in events} == {caption}


def test_no_pass_exceeds_the_limit_and_passes_cover_the_recording():
    pipeline = LoudPipeline()
    EncodedPasses(pipeline, recording(65.04), 300)
    assert pipeline.lengths == [244 * 1600, 244 * 1600, 244 * 1600 + 640]
    EncodedPasses(pipeline, recording(3.0), 8)
    assert max(pipeline.lengths[3:]) <= 8 * 1600, "overlaps become shorter with the passes"


def test_a_short_recording_is_one_pass_and_is_encoded_once_for_all_questions():
    pipeline = LoudPipeline()
    passes = EncodedPasses(pipeline, recording(30.0, (3.0, 4.0)), 300)
    for _ in range(2):
        events, answers = passes.answers("dense_caption", "?", Decoding(max_new_tokens=7))
        assert events == list(answers[0].events)
    assert pipeline.lengths == [30 * RATE]
    assert pipeline.max_tokens == [300, 300]
