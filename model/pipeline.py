"""From a waveform and a question to events: the one entry that servers, commands and notebooks use."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from model.audio.segment import split
from model.audio.waveform import Waveform
from model.checkpoint import EMBEDDED, load_checkpoint
from model.engine.asking import Asker, Question
from model.engine.engine import SlotEngine
from model.engine.session import Session
from model.engine.updates import Answer
from model.errors import TaskNotSupported
from model.language.decoding import Decoding
from model.language.prompt import question_of
from model.language.quantize import Quantization
from model.language.tokenizer import Tokenizer
from model.timeaudio import TimeAudio
from model.timeline.answer_length import answer_tokens
from model.timeline.task import Task

__all__ = ["Answer", "Decoding", "Pipeline", "Recording"]


@dataclass(frozen=True, slots=True)
class Recording:
    """An encoded waveform. Several questions may be asked about it.

    Attributes:
        audio_tokens: float [tokens, dim], what the language model hears.
        duration: tenths of a second.
        num_samples: at 16 kHz.
    """

    audio_tokens: Float[Tensor, "tokens dim"]
    duration: int
    num_samples: int

    @property
    def num_audio_tokens(self) -> int:
        """Audio tokens, after merging."""
        return len(self.audio_tokens)


class Pipeline:
    """A checkpoint, ready to hear."""

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
        num_slots: int | None = 8,
        slot_tokens: int = 1024,
        most_beams: int = 8,
    ) -> "Pipeline":
        """Load a checkpoint directory; without one, the embedded `timeaudio-tiny`.

        Args:
            checkpoint: the directory.
            device: what the model computes on.
            quantize: holds the language model in fewer bits.
            num_slots: answers that can be written at once, see `session`; what fits into the device's memory if None.
            slot_tokens: the most tokens of a prompt and its answer together.
            most_beams: the widest search.

        Raises:
            CheckpointError: the directory is not a whole checkpoint.
        """
        if device.startswith("cuda"):
            torch.set_float32_matmul_precision("high")  # the encoders stay in float32, on the tensor cores
        parts = load_checkpoint(checkpoint or EMBEDDED, device=device, quantize=quantize)
        return cls(*parts, num_slots=num_slots, slot_tokens=slot_tokens, most_beams=most_beams)

    @cached_property
    def engine(self) -> SlotEngine:
        """What decodes. Its slots are allocated at the first use."""
        return SlotEngine(
            self.model.llm, num_slots=self._num_slots, length=self._slot_tokens, most_beams=self._most_beams
        )

    def session(self) -> Session:
        """For many requests at once, as a server has them."""
        return Session(self.model, self.tokenizer, self.engine)

    @torch.inference_mode()
    def encode(self, waveform: Waveform) -> Recording:
        """Hear a waveform once; cost grows linearly with its length.

        Raises:
            AudioTooLong: over 180 s, for a checkpoint of the released code, which hears everything at once.
        """
        speech, sound = self.model.encode_segments(split(waveform))
        tokens = self.model.audio_tokens(speech, sound, [waveform.num_samples])[0]
        return Recording(tokens, waveform.duration_tenths, waveform.num_samples)

    def dense_caption(self, recording: Recording, decoding: Decoding | None = None) -> Answer:
        """Every sound event with its intervals and a caption.

        Raises:
            TaskNotSupported: the checkpoint was not trained for it.
        """
        return self.answer(recording, "dense_caption", question_of("dense_caption"), decoding)

    def ground(self, recording: Recording, query: str, decoding: Decoding | None = None) -> Answer:
        """The intervals in which `query` happens; none where it does not.

        Raises:
            EmptyPrompt: the query holds no words.
            TaskNotSupported: the checkpoint was not trained for it.
        """
        return self.answer(recording, "ground", question_of("ground", query), decoding)

    def answer(self, recording: Recording, task: Task, question: str, decoding: Decoding | None = None) -> Answer:
        """The answer to any question, in the grammar of `task`; without `decoding` greedy, and cut at `answer_tokens`.

        Raises:
            TaskNotSupported: the checkpoint was not trained for the task.
            ContextTooLong: the recording and the question leave no room for an answer.
            OutOfMemory: there is too little for the prompt.
        """
        asked = self.ask(recording, task, question, decoding)
        self.engine.run([asked.sequence])
        if asked.sequence.error is not None:
            raise asked.sequence.error
        return asked.answer()

    def ask(self, recording: Recording, task: Task, question: str, decoding: Decoding | None = None) -> Question:
        """A question that the engine has not answered yet: run several together with `engine.run`.

        Raises:
            TaskNotSupported, ContextTooLong: as for `answer`.
        """
        if task not in self.tasks:
            raise TaskNotSupported(f"{self.name} was trained for {', '.join(self.tasks)}, not for {task}.")
        asker = Asker(self.engine, self.tokenizer, self.model.config.prompt, self.model.calibration)
        prefix = asker.prefix(recording.audio_tokens)
        decoding = decoding or Decoding(max_new_tokens=answer_tokens(recording.num_samples))
        return asker.ask(prefix, recording.duration, task, question, decoding)
