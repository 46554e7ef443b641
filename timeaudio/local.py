"""The model in this process, behind the four methods of Client that the command line calls.

Only this module and the commands that use it need the `server` extra.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict
from uuid import uuid4

from timeaudio import results
from timeaudio.errors import LocalModelError

if TYPE_CHECKING:
    from model.audio.waveform import Waveform
    from model.pipeline import Answer, Recording
    from model.timeline.interval import Interval
    from model.timeline.task import Task
    from server.workers.protocol import QueryAnswered

LIMIT_S = 150.0
"""Longest recording, in seconds, for any task. A server accepts hours."""


@contextmanager
def extra_needed(extra: str) -> Iterator[None]:
    """Turn a missing library, imported now or later, into an error that names the extra to install."""
    try:
        yield
    except ModuleNotFoundError as error:
        root = (error.name or "").partition(".")[0]
        if root in {"", "model", "server", "training", "timeaudio"}:
            raise  # one of our own modules is missing: no extra provides it
        raise LocalModelError(f"This command needs {root}: pip install 'timeaudio[{extra}]'") from error


class LocalModel:
    """A checkpoint loaded in this process: slower to start than a request to a server, but needs none.

    It splits a recording into the same passes as a server, by the same settings (`TIMEAUDIO_PASSES__SECONDS`).
    """

    def __init__(self, checkpoint: Path | None = None) -> None:
        """Load a checkpoint directory; None is the embedded one.

        Raises:
            LocalModelError: a library is missing, a setting is wrong, or the checkpoint cannot be loaded.
        """
        with extra_needed("server"):
            from pydantic import ValidationError

            from model.audio.decode import decode_audio
            from model.errors import AudioTooLong, TimeAudioError
            from model.pipeline import Pipeline
            from server.settings import Settings, misread
        try:
            self._passes = Settings().passes
        except ValidationError as error:
            raise LocalModelError("\n".join(misread(error))) from error
        self._decode = decode_audio
        self._refusals = TimeAudioError
        self._too_long = AudioTooLong
        try:
            self._pipeline = Pipeline.load(checkpoint)
        except (TimeAudioError, OSError) as error:
            where = "The embedded checkpoint" if checkpoint is None else f"The checkpoint {checkpoint}"
            raise LocalModelError(f"{where} cannot be loaded: {error}") from error

    def dense_caption(self, audio: Path | bytes) -> results.DenseCaption:
        """Return every event of a recording, given as a file or its bytes.

        Raises:
            LocalModelError: the recording cannot be used; the message says what to do.
            OSError: the file cannot be read.
        """
        [answer], fields = self._answer(
            audio, "dense_caption", lambda recording: [self._pipeline.dense_caption(recording)]
        )
        events = (
            results.CaptionedEvent(intervals=_intervals(event.intervals), caption=event.caption)
            for event in answer.events
        )
        return results.DenseCaption(events=tuple(events), **fields)

    def ground(self, audio: Path | bytes, queries: Sequence[str]) -> results.Grounding:
        """Return where each query happens. Each pass of the recording is encoded once.

        Raises:
            LocalModelError, OSError: as for `dense_caption`.
        """
        answers, fields = self._answer(
            audio, "ground", lambda recording: [self._pipeline.ground(recording, query) for query in queries]
        )
        found = (
            results.GroundingResult(
                query=query,
                present=answer.present,
                intervals=_intervals(interval for event in answer.events for interval in event.intervals),
            )
            for query, answer in zip(queries, answers, strict=True)
        )
        return results.Grounding(results=tuple(found), **fields)

    def summarize(self, audio: Path | bytes) -> results.Summary:
        """Return a summary of the speech in a recording.

        Raises:
            LocalModelError, OSError: as for `dense_caption`; also if the checkpoint was not trained for it.
        """
        answer, fields = self._say(audio, "summarize")
        segments = (
            results.SummarySegment(**dict(interval), summary=event.caption)
            for event in answer.events
            for interval in _intervals(event.intervals)
        )
        return results.Summary(segments=tuple(segments), **fields)

    def ask(self, audio: Path | bytes, question: str) -> results.QuestionAnswer:
        """Return the answer to a question about a recording.

        Raises:
            LocalModelError, OSError: as for `summarize`.
        """
        answer, fields = self._say(audio, "ask", question)
        intervals = _intervals(interval for event in answer.events for interval in event.intervals)
        return results.QuestionAnswer(question=question, answer=answer.text, intervals=intervals, **fields)

    def _say(self, audio: Path | bytes, task: "Task", words: str = "") -> "tuple[QueryAnswered, _AnswerFields]":
        from model.language.prompt import question_of

        question = question_of(task, words)
        [answer], fields = self._answer(
            audio, task, lambda recording: [self._pipeline.answer(recording, task, question)]
        )
        return answer, fields

    def _answer(
        self, audio: Path | bytes, task: "Task", ask: "Callable[[Recording], list[Answer]]"
    ) -> "tuple[list[QueryAnswered], _AnswerFields]":
        """Return the model's answers about one recording, and the fields that every result has."""
        data = audio if isinstance(audio, bytes) else audio.read_bytes()
        begun = time.perf_counter()
        try:
            waveform = self._decode(data, max_seconds=LIMIT_S)
        except self._too_long as error:
            raise LocalModelError(f"{error} For longer ones, run `timeaudio serve` and use --server URL.") from error
        except self._refusals as error:
            raise LocalModelError(str(error)) from error
        decoded = time.perf_counter()
        try:
            answers, num_audio_tokens, encode_s = self._in_passes(waveform, task, ask)
        except self._refusals as error:
            raise LocalModelError(str(error)) from error
        ended = time.perf_counter()
        return answers, _AnswerFields(
            id=f"local-{uuid4().hex}",
            model=self._pipeline.name,
            audio=results.AudioInfo(duration=round(waveform.duration_s, 1)),
            usage=results.Usage(
                audio_seconds=round(waveform.duration_s, 1),
                audio_tokens=num_audio_tokens,
                prompt_tokens=sum(answer.num_prompt_tokens for answer in answers),
                completion_tokens=sum(answer.num_completion_tokens for answer in answers),
            ),
            timing=results.Timing(
                decode_s=round(decoded - begun, 4),
                queue_s=0.0,
                encode_s=round(encode_s, 4),
                generate_s=round(ended - decoded - encode_s, 4),
                total_s=round(ended - begun, 4),
            ),
        )

    def _in_passes(
        self, waveform: "Waveform", task: "Task", ask: "Callable[[Recording], list[Answer]]"
    ) -> "tuple[list[QueryAnswered], int, float]":
        """Return the answers, the number of audio tokens, and the seconds spent on encoding."""
        from model.audio.waveform import SAMPLES_PER_TENTH, Waveform
        from server.inference.long_audio import AnswerMerger, cut
        from server.workers.protocol import QueryAnswered

        passes = cut(waveform.duration_tenths, task, self._passes)
        num_audio_tokens, encode_s, parts = 0, 0.0, []
        for number, span in enumerate(passes, start=1):
            end = span.end * SAMPLES_PER_TENTH if number < len(passes) else waveform.num_samples
            begun = time.perf_counter()
            recording = self._pipeline.encode(Waveform(waveform.samples[span.start * SAMPLES_PER_TENTH : end]))
            encode_s += time.perf_counter() - begun
            num_audio_tokens += recording.num_audio_tokens
            parts.append(ask(recording))
        whole = AnswerMerger(passes, task, len(parts[0]))
        for part in parts:
            for index, answer in enumerate(part):
                whole.add(
                    QueryAnswered(
                        index=index,
                        events=answer.events,
                        text=answer.text,
                        present=answer.present,
                        num_prompt_tokens=answer.num_prompt_tokens,
                        num_completion_tokens=answer.num_completion_tokens,
                        generate_s=0.0,
                    )
                )
        return whole.answers(), num_audio_tokens, encode_s


class _AnswerFields(TypedDict):
    """The fields that every answer has."""

    id: str
    model: str
    audio: results.AudioInfo
    usage: results.Usage
    timing: results.Timing


def _intervals(found: "Iterable[Interval]") -> tuple[results.Interval, ...]:
    """Convert the model's intervals (tenths of a second) to those of an answer (seconds)."""
    return tuple(results.Interval(start=i.start_s, end=i.end_s, confidence=i.confidence) for i in found)
