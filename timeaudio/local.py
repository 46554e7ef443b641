"""The model in this process, behind the four methods of Client that the command line calls.

Only this module and the commands that use it need the `server` extra.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Unpack, cast
from uuid import uuid4

from timeaudio import results
from timeaudio.errors import LocalModelError
from timeaudio.extras import extra_needed
from timeaudio.request_options import PartOptions
from timeaudio.requests import OnProgress

if TYPE_CHECKING:
    from model.audio.waveform import Waveform
    from model.engine.updates import Encoded, ParsedAnswer
    from model.task_params import TaskParams
    from model.timeline.task import Task

LIMIT_S = 150.0
"""Longest part of a recording, in seconds, for any task. A server accepts hours."""

_TENTHS: Final = 10
_ROUNDING: Final = 1e-6  # 0.2 + 0.1 is more than 0.3


def fetched(model: Path | None) -> Path | None:
    """Return the directory of a checkpoint, fetched if it is the name of a model on the hub. None stays None.

    Raises:
        LocalModelError: it cannot be fetched, or a library is missing.
    """
    if model is None:
        return None
    with extra_needed("server"):
        from model.errors import CheckpointError
        from model.hub import fetch_checkpoint

        try:
            return fetch_checkpoint(model)
        except CheckpointError as error:
            raise LocalModelError(str(error)) from error


class LocalModel:
    """A checkpoint loaded in this process: slower to start than a request to a server, but it needs no server.

    It splits a recording into the same passes as a server, by the same settings (`TIMEAUDIO_PASSES__SECONDS`).

    Attributes:
        on_progress: called with the passes done and the number of passes, if there are several.
    """

    def __init__(self, checkpoint: Path | None = None) -> None:
        """Load a checkpoint from a directory or the hub; None is the embedded one.

        Raises:
            LocalModelError: a library is missing, a setting is wrong, or the checkpoint cannot be loaded.
        """
        self.on_progress: OnProgress | None = None
        checkpoint = fetched(checkpoint)
        with extra_needed("server"):
            from model.garbage_collection import postponed
        with postponed():
            self._load(checkpoint)

    def _load(self, checkpoint: Path | None) -> None:
        with extra_needed("server"):
            from pydantic import ValidationError
            from pydantic_settings import SettingsError

            from model.audio.decode import decode_audio
            from model.errors import AudioTooLong, TimeAudioError
            from model.pipeline import Pipeline
            from server.settings import Settings, misread
        try:
            self._passes = Settings().passes
        except (ValidationError, SettingsError) as error:
            raise LocalModelError("\n".join(misread(error))) from error
        self._decode = decode_audio
        self._refusals = TimeAudioError
        self._too_long = AudioTooLong
        try:
            self._pipeline = Pipeline.load(checkpoint)
        except (TimeAudioError, OSError) as error:
            where = "The embedded checkpoint" if checkpoint is None else f"The checkpoint {checkpoint}"
            raise LocalModelError(f"{where} cannot be loaded: {error}") from error

    def dense_caption(self, audio: Path | bytes, **part: Unpack[PartOptions]) -> results.DenseCaption:
        """Return every event of a recording, given as a file or its bytes.

        Raises:
            LocalModelError: the recording or the part cannot be used; the message says what to do.
            OSError: the file cannot be read.
        """
        return cast(results.DenseCaption, self._answer(audio, "dense_caption", (), part))

    def ground(self, audio: Path | bytes, queries: Sequence[str], **part: Unpack[PartOptions]) -> results.Grounding:
        """Return where each query happens. Each pass of the recording is encoded once. Raises: as `dense_caption`."""
        return cast(results.Grounding, self._answer(audio, "ground", queries, part))

    def summarize(self, audio: Path | bytes, **part: Unpack[PartOptions]) -> results.Summary:
        """Return a summary of the speech in a recording.

        Raises:
            LocalModelError, OSError: as for `dense_caption`; also if the checkpoint was not trained for it.
        """
        return cast(results.Summary, self._answer(audio, "summarize", (), part))

    def ask(self, audio: Path | bytes, question: str, **part: Unpack[PartOptions]) -> results.QuestionAnswer:
        """Return the answer to a question about a recording. Raises: as `summarize`."""
        return cast(results.QuestionAnswer, self._answer(audio, "ask", (question,), part))

    def _answer(
        self, audio: Path | bytes, task: "Task", queries: Sequence[str], part: PartOptions
    ) -> results.AnyAnswer:
        """Return the model's answer about one recording, as a server would."""
        from model.task_params import TaskParams
        from server.api.requests import InferenceResult
        from server.api.responses import PRESENTERS
        from server.inference.confidence_filter import filter_answer

        start, end_s, least = self._checked_part(task, part)
        data = audio if isinstance(audio, bytes) else audio.read_bytes()
        params = TaskParams(task=task, queries=tuple(query.strip() for query in queries))
        begun = time.perf_counter()
        try:
            waveform = self._decode(
                data, max_seconds=LIMIT_S, start_s=start / _TENTHS, end_s=end_s, track=part.get("track")
            )
            decode_s = time.perf_counter() - begun
            answers, encoded = self._in_passes(waveform, params)
        except self._too_long as error:
            raise LocalModelError(
                f"{error} Choose a part with --start and --end, or run `timeaudio serve` and use --server URL."
            ) from error
        except self._refusals as error:
            raise LocalModelError(str(error)) from error
        result = InferenceResult(
            id=f"local-{uuid4().hex}",
            model=self._pipeline.name,
            queries=params.queries,
            start=start,
            num_samples=waveform.num_samples,
            decode_s=decode_s,
            warnings=waveform.warnings,
            num_audio_tokens=encoded.num_audio_tokens,
            encode_s=encoded.encode_s,
            total_s=time.perf_counter() - begun,
            answers=[filter_answer(answer, least) for answer in answers],
        )
        return PRESENTERS[task](result)

    def _checked_part(self, task: "Task", part: PartOptions) -> tuple[int, float | None, float]:
        """Return the start in tenths, the end in seconds, and the least confidence, by the server's rules."""
        start_s, end_s = part.get("start") or 0.0, part.get("end")
        least = part.get("min_confidence") or 0.0
        if not 0 <= start_s < math.inf:
            raise LocalModelError(f"The start must be 0 or more seconds, not {start_s:g}.")
        if end_s is not None and not start_s + 1 / _TENTHS <= end_s + _ROUNDING < math.inf:
            raise LocalModelError(f"The end must be at least 0.1 s after the start ({start_s:g} s).")
        if least and task not in self._pipeline.calibrated:
            raise LocalModelError(
                f"The confidence of {self._pipeline.name} is not calibrated for {task}. Leave out --min-confidence."
            )
        return int(start_s * _TENTHS + _ROUNDING), end_s, least

    def _in_passes(self, waveform: "Waveform", params: "TaskParams") -> "tuple[list[ParsedAnswer], Encoded]":
        """Return the answers about the whole recording, and the sums of what encoding its passes took."""
        from model.audio.waveform import SAMPLES_PER_TENTH, Waveform
        from server.inference.long_audio import AnswerMerger, cut

        passes = cut(waveform.duration_tenths, params.task, self._passes)
        params = replace(params, num_passes=len(passes))
        whole, encode_s, num_audio_tokens = AnswerMerger(passes, params), 0.0, 0
        for number, span in enumerate(passes, start=1):
            end = span.end * SAMPLES_PER_TENTH if number < len(passes) else waveform.num_samples
            answers, encoded = self._pass(Waveform(waveform.samples[span.start * SAMPLES_PER_TENTH : end]), params)
            for index, answer in answers.items():
                whole.add(index, answer)
            encode_s += encoded.encode_s
            num_audio_tokens += encoded.num_audio_tokens
            if self.on_progress is not None and len(passes) > 1:
                self.on_progress(number, len(passes))
        return whole.answers(), replace(encoded, encode_s=encode_s, num_audio_tokens=num_audio_tokens)

    def _pass(self, waveform: "Waveform", params: "TaskParams") -> "tuple[dict[int, ParsedAnswer], Encoded]":
        """Return the answers about one pass by query number, and what encoding it took."""
        from model.engine.updates import Answered, Encoded, Failed

        answers: dict[int, ParsedAnswer] = {}
        encoded = Encoded(0.0, 0)
        session = self._pipeline.session()
        request = session.submit(waveform, params)
        try:
            while not session.is_idle:
                for _, update in session.step():
                    match update:
                        case Encoded():
                            encoded = update
                        case Answered(index, answer):
                            answers[index] = answer
                        case Failed(error):
                            raise error
        finally:
            session.cancel(request)  # if it was interrupted
        return answers, encoded
