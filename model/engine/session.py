"""Processes many requests at once: each step encodes a batch of segments and computes a token of every answer."""

import time
from collections.abc import Iterator, Sequence

from model.audio.waveform import Waveform
from model.engine.asking import Asker, Question
from model.engine.encoding import EncoderQueue, Hearing
from model.engine.engine import SlotEngine
from model.engine.memory import is_device_lost
from model.engine.sequence import Sequence as Written
from model.engine.updates import Answered, DeviceLost, Done, Encoded, Failed, Found, Started, Times, Update
from model.errors import TaskNotSupported, TimeAudioError
from model.language.decoding import Decoding
from model.language.prompt import question_of
from model.language.tokenizer import Tokenizer
from model.timeaudio import TimeAudio
from model.timeline.task import Task


class Inquiry:
    """One request: a recording and the questions about it.

    Attributes:
        has_started: whether the encoders have started on it.
        asked: its questions, once the recording is encoded.
        answered: answers by question number. They are reported in this order; the first `num_told` already are.
    """

    def __init__(self, hearing: Hearing, task: Task, questions: Sequence[str], decoding: Decoding) -> None:
        self.hearing = hearing
        self.task = task
        self.questions = tuple(questions)
        self.decoding = decoding
        self.has_started = False
        self.asked: list[Question] = []
        self.answered: dict[int, Answered] = {}
        self.num_told = 0


class Session:
    """Processes requests from submission to their last update. Not thread-safe: use it from one thread.

    Args:
        model: the encoders and the connector, and the checkpoint's settings.
        tokenizer: the tokenizer of its language model.
        engine: the engine that decodes.
    """

    def __init__(self, model: TimeAudio, tokenizer: Tokenizer, engine: SlotEngine) -> None:
        self.name = model.config.name
        self.tasks = model.config.tasks
        self.calibrated = () if model.calibration is None else tuple(model.calibration.tasks)
        self._engine = engine
        self._encoders = EncoderQueue(model)
        self._asker = Asker(engine, tokenizer, model.config.prompt, model.calibration)
        self._hearings: dict[Hearing, Inquiry] = {}
        self._written: dict[Written, tuple[Inquiry, int]] = {}

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self._hearings and not self._written

    @property
    def num_free(self) -> int:
        """Number of free slots."""
        return self._engine.num_free

    @property
    def num_slots(self) -> int:
        """Number of answers that can be generated at the same time."""
        return self._engine.num_slots

    def submit(self, waveform: Waveform, task: Task, queries: Sequence[str], decoding: Decoding) -> Inquiry:
        """Queue a request. It gets one answer per query, or a single answer for tasks without queries.

        Raises:
            TaskNotSupported: the checkpoint was not trained for the task.
            EmptyPrompt: a query has no words.
        """
        if task not in self.tasks:
            raise TaskNotSupported(f"{self.name} was trained for {', '.join(self.tasks)}, not for {task}.")
        inquiry = Inquiry(Hearing(waveform), task, [question_of(task, query) for query in queries or [""]], decoding)
        self._hearings[inquiry.hearing] = inquiry
        self._encoders.add(inquiry.hearing)
        return inquiry

    def cancel(self, inquiry: Inquiry) -> None:
        """Drop a request. Its slots are free at once, and it gets no further updates."""
        if self._hearings.pop(inquiry.hearing, None) is not None:
            self._encoders.cancel(inquiry.hearing)
        for question in inquiry.asked:
            if self._written.pop(question.sequence, None) is not None:
                self._engine.cancel(question.sequence)

    def step(self) -> list[tuple[Inquiry, Update]]:
        """Encode the next segments if their answers would find free slots, then compute one token for every answer.

        Raises:
            DeviceLost: this process cannot use its device any more.
        """
        told: list[tuple[Inquiry, Update]] = []
        try:
            if len(self._encoders) and self.num_free > self._engine.num_waiting:
                told += self._hear()
            if self._written:
                told += self._write()
        except RuntimeError as error:
            if is_device_lost(error):
                raise DeviceLost from error
            raise
        return told

    def _hear(self) -> Iterator[tuple[Inquiry, Update]]:
        began = time.monotonic()
        for hearing in self._encoders.step():
            inquiry = self._hearings[hearing]
            if not inquiry.has_started:
                inquiry.has_started = True
                yield inquiry, Started(began)
            if hearing.is_ended:
                del self._hearings[hearing]
                yield inquiry, self._ask(inquiry)

    def _ask(self, inquiry: Inquiry) -> Update:
        hearing = inquiry.hearing
        if hearing.tokens is None:
            assert hearing.error is not None, "it has ended without tokens"
            return Failed(hearing.error)
        prefix = self._asker.prefix(hearing.tokens)
        try:
            for index, question in enumerate(inquiry.questions):
                asked = self._asker.ask(prefix, hearing.duration, inquiry.task, question, inquiry.decoding)
                inquiry.asked.append(asked)
                self._written[asked.sequence] = inquiry, index
        except (TimeAudioError, ValueError) as error:
            self.cancel(inquiry)
            return Failed(error)
        return Encoded(hearing.seconds, len(hearing.tokens), time.monotonic())

    def _write(self) -> Iterator[tuple[Inquiry, Update]]:
        ended = self._engine.step()
        for sequence, (inquiry, index) in self._written.items():
            if not sequence.is_ended:
                for event in inquiry.asked[index].new_events():
                    yield inquiry, Found(index, event)
        for sequence in ended:
            if sequence in self._written:  # skip requests that failed meanwhile, and other users of the engine
                yield from self._tell(*self._written.pop(sequence))

    def _tell(self, inquiry: Inquiry, index: int) -> Iterator[tuple[Inquiry, Update]]:
        question = inquiry.asked[index]
        if question.sequence.error is not None:
            self.cancel(inquiry)
            yield inquiry, Failed(question.sequence.error)
            return
        answer = question.answer()
        for event in answer.told[len(question.events) :]:
            yield inquiry, Found(index, event)
        written = question.sequence
        times = Times(written.entered_s, written.prompted_s, written.ended_s, time.monotonic())
        inquiry.answered[index] = Answered(index, answer, written.seconds, times)
        while (told := inquiry.num_told) in inquiry.answered:
            inquiry.num_told += 1
            yield inquiry, inquiry.answered[told]
        if inquiry.num_told == len(inquiry.questions):
            yield inquiry, Done()
