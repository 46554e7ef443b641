"""The entry point for servers, commands and notebooks: from a waveform and a question to events."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from model.audio.segment import split
from model.audio.waveform import Waveform
from model.checkpoint import EMBEDDED, load_checkpoint
from model.engine.encoding import NO_SAMPLES, NOT_FINITE
from model.engine.engine import SlotEngine
from model.engine.prompting import Prompter, Question
from model.engine.session import Session
from model.engine.summary import read_words, summarize
from model.engine.updates import ParsedAnswer
from model.errors import CorruptAudio, EmptyAudio, TaskNotSupported
from model.evidence import Evidence
from model.language.decoding import Decoding
from model.language.prompt import question_of
from model.language.quantize import Quantization
from model.language.tokenizer import Tokenizer
from model.timeaudio import TimeAudio
from model.timeline.task import Task

__all__ = ["Decoding", "ParsedAnswer", "Pipeline", "Recording"]


@dataclass(frozen=True, slots=True)
class Recording:
    """An encoded waveform. Several questions may be asked about it.

    Attributes:
        audio_tokens: float [tokens, dim], the language model's audio input.
        duration: in tenths of a second.
        num_samples: at 16 kHz.
        speech: float [frames, speech], the speech encoder's frames, if the checkpoint recognises words; else None.
    """

    audio_tokens: Float[Tensor, "tokens dim"]
    duration: int
    num_samples: int
    speech: Float[Tensor, "frames speech"] | None = None

    @property
    def num_audio_tokens(self) -> int:
        """Number of audio tokens after merging."""
        return len(self.audio_tokens)


class Pipeline:
    """A loaded checkpoint that answers questions about recordings."""

    def __init__(
        self,
        model: TimeAudio,
        tokenizer: Tokenizer,
        *,
        num_slots: int | None = 8,
        slot_tokens: int = 1024,
        most_beams: int = 8,
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.name = model.config.name
        self.tasks = model.config.tasks
        self._num_slots = num_slots
        self._slot_tokens = slot_tokens
        self._most_beams = most_beams

    @classmethod
    def load(
        cls,
        checkpoint: Path | None = None,
        *,
        device: str = "cpu",
        quantize: Quantization | None = None,
        calibrated: bool = True,
        num_slots: int | None = 8,
        slot_tokens: int = 1024,
        most_beams: int = 8,
    ) -> "Pipeline":
        """Load a checkpoint directory, by default the embedded `timeaudio-small`.

        Args:
            checkpoint: the directory, or the name of a model on the hub.
            device: the device that the model computes on.
            quantize: how to store the language model in fewer bits.
            calibrated: whether to read the checkpoint's calibration, if it has one.
            num_slots: answers decoded at once, see `session`; if None, as many as fit into the device's memory.
            slot_tokens: the most tokens of a prompt and its answer together.
            most_beams: the most beams of a search.

        Raises:
            CheckpointError: the checkpoint is incomplete or invalid.
        """
        if device.startswith("cuda"):
            torch.set_float32_matmul_precision("high")  # lets the float32 encoders use the tensor cores
        parts = load_checkpoint(
            checkpoint or EMBEDDED, device=device, quantize=quantize, calibrated=calibrated, may_round=quantize is None
        )
        return cls(*parts, num_slots=num_slots, slot_tokens=slot_tokens, most_beams=most_beams)

    @property
    def calibrated(self) -> tuple[Task, ...]:
        """The tasks whose intervals have a confidence."""
        return () if self.model.calibration is None else tuple(self.model.calibration.tasks)

    @cached_property
    def engine(self) -> SlotEngine:
        """The decoding engine. Its slots are allocated on first use."""
        return SlotEngine(
            self.model.llm, num_slots=self._num_slots, length=self._slot_tokens, most_beams=self._most_beams
        )

    @cached_property
    def _prompter(self) -> Prompter:
        return Prompter(self.model, self.tokenizer, self.engine)

    def session(self) -> Session:
        """Return a session that serves many requests at once."""
        return Session(self.model, self.tokenizer, self.engine)

    @torch.inference_mode()
    def encode(self, waveform: Waveform) -> Recording:
        """Encode a waveform; the cost grows linearly with its length.

        Raises:
            AudioTooLong: over 180 s with a checkpoint of the released code, which encodes the whole recording at once.
            EmptyAudio, CorruptAudio: it has no samples, or some that lead to numbers that are not finite.
        """
        if not waveform.num_samples:
            raise EmptyAudio(NO_SAMPLES)
        speech, sound = self.model.encode_segments(split(waveform))
        tokens = self.model.audio_tokens(speech, sound, [waveform.num_samples])[0]
        if not tokens.isfinite().all():
            raise CorruptAudio(NOT_FINITE)
        kept = None if self.model.transcriber is None else speech[0]
        return Recording(tokens, waveform.duration_tenths, waveform.num_samples, kept)

    def dense_caption(self, recording: Recording, decoding: Decoding | None = None) -> ParsedAnswer:
        """Find every sound event, with its intervals and a caption.

        Raises:
            TaskNotSupported: the checkpoint was not trained for the task.
        """
        return self.answer(recording, "dense_caption", question_of("dense_caption"), decoding)

    def ground(self, recording: Recording, query: str, decoding: Decoding | None = None) -> ParsedAnswer:
        """Find the intervals in which `query` occurs; none if it does not.

        Raises:
            EmptyPrompt: the query contains no words.
            TaskNotSupported: the checkpoint was not trained for the task.
        """
        return self.answer(recording, "ground", question_of("ground", query), decoding)

    def answer(
        self, recording: Recording, task: Task, question: str, decoding: Decoding | None = None, *, num_passes: int = 1
    ) -> ParsedAnswer:
        """Answer any question in the grammar of `task`; by default greedily, with at most `answer_tokens` tokens.

        This is one of `num_passes` passes over a long recording. A checkpoint that recognises words makes summaries
        from the words, without the language model.

        Raises:
            TaskNotSupported: the checkpoint was not trained for the task.
            ContextTooLong: the recording and the question leave no room for an answer.
            OutOfMemory: the device does not have enough free memory for the prompt.
        """
        self._require(task)
        if task == "summarize" and self.model.transcriber is not None and recording.speech is not None:
            words = read_words(self.model.transcriber, recording.speech)
            return summarize(words, recording.duration, self.model.calibration)
        running = self.ask(recording, task, question, decoding, num_passes=num_passes)
        try:
            self.engine.run([running.sequence])
        except BaseException:
            self.engine.cancel(running.sequence)  # its slot would be in the way of later answers
            raise
        if running.sequence.error is not None:
            raise running.sequence.error
        return running.answer()

    def evidence(self, recording: Recording) -> Evidence:
        """Return a recording's audio tokens for comparison with words."""
        return self._prompter.evidence(recording.audio_tokens, recording.duration)

    def ask(
        self, recording: Recording, task: Task, question: str, decoding: Decoding | None = None, *, num_passes: int = 1
    ) -> Question:
        """Queue a question without answering it; `engine.run` answers several together.

        Raises:
            TaskNotSupported, ContextTooLong: as for `answer`.
        """
        self._require(task)
        prefix = self._prompter.prefix(recording.audio_tokens)
        decoding = (decoding or Decoding()).for_recording(recording.num_samples)
        return self._prompter.ask(prefix, self.evidence(recording), task, question, decoding, num_passes=num_passes)

    def _require(self, task: Task) -> None:
        if task not in self.tasks:
            raise TaskNotSupported(f"{self.name} was trained for {', '.join(self.tasks)}, not for {task}.")
