"""Processes many requests at once: each step encodes a batch of segments and computes a token of every answer."""

import time
from collections.abc import Iterator, Sequence

from model.audio.waveform import Waveform
from model.engine.encoding import NO_SAMPLES, EncodeJob, EncoderQueue
from model.engine.engine import SlotEngine
from model.engine.memory import is_device_lost
from model.engine.prompting import Prompter, Question
from model.engine.sequence import Sequence as EngineSequence
from model.engine.summary import summarize
from model.engine.updates import Answered, DeviceLost, Done, Encoded, Failed, Found, Started, Times, Update
from model.errors import EmptyAudio, TaskNotSupported, TimeAudioError
from model.language.prompt import question_of
from model.language.tokenizer import Tokenizer
from model.task_params import TaskParams
from model.timeaudio import TimeAudio


class Request:
    """One request: a recording and what to do with it.

    Attributes:
        arrived_s: when it arrived, on the monotonic clock.
        has_started: whether the encoders have started on it.
        running: its questions, once the recording is encoded.
        answered: answers by question number. They are reported in this order; the first `num_reported` already are.
    """

    def __init__(self, job: EncodeJob, params: TaskParams, questions: Sequence[str], arrived_s: float) -> None:
        self.job = job
        self.params = params
        self.questions = tuple(questions)
        self.arrived_s = arrived_s
        self.has_started = False
        self.running: list[Question] = []
        self.answered: dict[int, Answered] = {}
        self.num_reported = 0


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
        self._model = model
        self._encoders = EncoderQueue(model)
        self._prompter = Prompter(model, tokenizer, engine)
        self._encoding: dict[EncodeJob, Request] = {}
        self._decoding: dict[EngineSequence, tuple[Request, int]] = {}

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self._encoding and not self._decoding

    @property
    def num_free(self) -> int:
        """Number of free slots."""
        return self._engine.num_free

    @property
    def num_slots(self) -> int:
        """Number of answers that can be generated at the same time."""
        return self._engine.num_slots

    def submit(self, waveform: Waveform, params: TaskParams, *, arrived_s: float | None = None) -> Request:
        """Queue a request. It gets one answer per query, or a single answer for tasks without queries.

        Args:
            waveform: the recording.
            params: what to do with it.
            arrived_s: when the request arrived, on the monotonic clock; default: now.

        Raises:
            TaskNotSupported: the checkpoint was not trained for the task.
            EmptyPrompt: a query has no words.
            EmptyAudio: the recording has no samples.
        """
        task = params.task
        if task not in self.tasks:
            raise TaskNotSupported(f"{self.name} was trained for {', '.join(self.tasks)}, not for {task}.")
        if not waveform.num_samples:
            raise EmptyAudio(NO_SAMPLES)
        questions = [question_of(task, query) for query in params.queries or ("",)]
        job = EncodeJob(waveform, reads_words=task == "summarize" and self._model.transcriber is not None)
        request = Request(job, params, questions, time.monotonic() if arrived_s is None else arrived_s)
        self._encoding[request.job] = request
        self._encoders.add(request.job)
        return request

    def cancel(self, request: Request) -> None:
        """Drop a request. Its slots are free at once, and it gets no further updates."""
        if self._encoding.pop(request.job, None) is not None:
            self._encoders.cancel(request.job)
        for question in request.running:
            if self._decoding.pop(question.sequence, None) is not None:
                self._engine.cancel(question.sequence)

    def step(self) -> list[tuple[Request, Update]]:
        """Encode the next segments if their answers would find free slots, then compute one token for every answer.

        Raises:
            DeviceLost: this process cannot use its device any more.
        """
        updates: list[tuple[Request, Update]] = []
        try:
            if len(self._encoders) and self.num_free > self._engine.num_waiting:
                updates += self._encode()
            if self._decoding:
                updates += self._decode()
        except RuntimeError as error:
            if is_device_lost(error):
                raise DeviceLost from error
            raise
        return updates

    def _encode(self) -> Iterator[tuple[Request, Update]]:
        began = time.monotonic()
        for job in self._encoders.step():
            request = self._encoding[job]
            if not request.has_started:
                request.has_started = True
                yield request, Started(began - request.arrived_s)
            if job.is_ended:
                del self._encoding[job]
                for update in self._summarize(request) if job.words is not None else [self._ask(request)]:
                    yield request, update

    def _summarize(self, request: Request) -> Iterator[Update]:
        """Answer from the words that were recognised, at once: nothing is decoded."""
        job = request.job
        assert job.words is not None
        yield Encoded(job.seconds, 0, time.monotonic())
        answer = summarize(job.words, job.duration, self._model.calibration, verbatim=request.params.verbatim)
        for event in answer.events:
            yield Found(0, event)
        yield Answered(0, answer)
        yield Done()

    def _ask(self, request: Request) -> Update:
        job = request.job
        if job.tokens is None:
            assert job.error is not None, "it has ended without tokens"
            return Failed(job.error)
        params, decoding = request.params, request.params.decoding.for_recording(job.num_samples)
        prefix, evidence = self._prompter.prefix(job.tokens), self._prompter.evidence(job.tokens, job.duration)
        try:
            for index, question in enumerate(request.questions):
                running = self._prompter.ask(
                    prefix, evidence, params.task, question, decoding, num_passes=params.num_passes
                )
                running.embeddings = params.embeddings
                request.running.append(running)
                self._decoding[running.sequence] = request, index
        except (TimeAudioError, ValueError) as error:
            self.cancel(request)
            return Failed(error)
        return Encoded(job.seconds, len(job.tokens), time.monotonic())

    def _decode(self) -> Iterator[tuple[Request, Update]]:
        self._engine.step()
        for sequence, (request, index) in self._decoding.items():
            if not sequence.is_ended:
                for event in request.running[index].new_events():
                    yield request, Found(index, event)
        for sequence in [sequence for sequence in self._decoding if sequence.is_ended]:
            if sequence in self._decoding:  # skip requests that failed meanwhile
                yield from self._finish(*self._decoding.pop(sequence))

    def _finish(self, request: Request, index: int) -> Iterator[tuple[Request, Update]]:
        question = request.running[index]
        if question.sequence.error is not None:
            self.cancel(request)
            yield request, Failed(question.sequence.error)
            return
        answer = question.answer()
        for event in answer.separate[len(question.events) :]:
            yield request, Found(index, event)
        written = question.sequence
        times = Times(written.entered_s, written.prompted_s, written.ended_s, time.monotonic())
        request.answered[index] = Answered(index, answer, times)
        while (number := request.num_reported) in request.answered:
            request.num_reported += 1
            yield request, request.answered[number]
        if request.num_reported == len(request.questions):
            yield request, Done()
