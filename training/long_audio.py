"""Answer a question about a recording of any length, in one pass or in overlapping passes that are stitched."""

from dataclasses import replace

from model.audio.waveform import SAMPLES_PER_TENTH, Waveform
from model.pipeline import Decoding, ParsedAnswer, Pipeline, Recording
from model.timeline.answer_length import answer_tokens
from model.timeline.event import Event
from model.timeline.interval import Interval
from model.timeline.stitch import Stitcher, join_sounds, plan
from model.timeline.task import Task

OVERLAP = 40
"""Overlap of neighbouring passes, in tenths of a second. The server uses the same value."""


class EncodedPasses:
    """A waveform encoded pass by pass. It can answer several questions.

    Args:
        pipeline: encodes the waveform and answers the questions.
        waveform: of any length.
        longest: the longest pass, in tenths of a second.
    """

    def __init__(self, pipeline: Pipeline, waveform: Waveform, longest: int) -> None:
        self._pipeline = pipeline
        self._passes = plan(waveform.duration_tenths, longest=longest, overlap=min(OVERLAP, longest // 2))
        self._recordings = [pipeline.encode(self._part(waveform, span)) for span in self._passes]

    def answers(self, task: Task, question: str, decoding: Decoding) -> tuple[list[Event], list[ParsedAnswer]]:
        """Return the events of the whole waveform in order of time, and the answer of each pass."""
        answers = [self._answer(recording, task, question, decoding) for recording in self._recordings]
        if len(answers) == 1:
            return list(answers[0].events), answers
        stitcher = Stitcher(self._passes, join_sounds)
        events = [event for answer in answers for event in stitcher.add(answer.events)]
        return sorted(events, key=lambda event: min(event.intervals)), answers

    def _answer(self, recording: Recording, task: Task, question: str, decoding: Decoding) -> ParsedAnswer:
        max_new_tokens = answer_tokens(recording.num_samples)
        return self._pipeline.answer(
            recording, task, question, replace(decoding, max_new_tokens=max_new_tokens), num_passes=len(self._passes)
        )

    def _part(self, waveform: Waveform, span: Interval) -> Waveform:
        is_last = span.end == self._passes[-1].end
        end = waveform.num_samples if is_last else span.end * SAMPLES_PER_TENTH
        return Waveform(waveform.samples[span.start * SAMPLES_PER_TENTH : end])
