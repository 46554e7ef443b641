"""From a waveform and a question to events: the one entry that servers, commands and notebooks use."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from model.audio.segment import split
from model.audio.waveform import Waveform
from model.checkpoint import EMBEDDED, load_checkpoint
from model.errors import EmptyPrompt, TaskNotSupported
from model.language.generate import Decoding, generate
from model.language.prompt import QUESTIONS, prompt_ids, splice
from model.language.quantize import Quantization
from model.language.tokenizer import Tokenizer
from model.timeaudio import TimeAudio
from model.timeline.event import Event
from model.timeline.grammar import Grammar
from model.timeline.interval import Interval
from model.timeline.markers import to_plain
from model.timeline.parser import parse
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


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said about a recording.

    Attributes:
        events: by order of the answer; captions are empty in grounding.
        text: the whole answer with times in digits, for people.
        num_prompt_tokens: audio tokens included.
    """

    events: tuple[Event, ...]
    text: str
    num_prompt_tokens: int
    num_completion_tokens: int

    @property
    def present(self) -> bool:
        """Whether any interval was named; a grounding without one says that the query is absent."""
        return bool(self.events)

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """The intervals of all events, in the answer's order."""
        return tuple(interval for event in self.events for interval in event.intervals)


class Pipeline:
    """A checkpoint, ready to hear."""

    def __init__(self, model: TimeAudio, tokenizer: Tokenizer) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.name = model.config.name
        self.tasks = model.config.tasks

    @classmethod
    def load(
        cls, checkpoint: Path | None = None, *, device: str = "cpu", quantize: Quantization | None = None
    ) -> "Pipeline":
        """Load a checkpoint directory; without one, the embedded `timeaudio-tiny`.

        `quantize` holds the language model in fewer bits.

        Raises:
            CheckpointError: the directory is not a whole checkpoint.
        """
        return cls(*load_checkpoint(checkpoint or EMBEDDED, device=device, quantize=quantize))

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
        return self.answer(recording, "dense_caption", QUESTIONS["dense_caption"], decoding)

    def ground(self, recording: Recording, query: str, decoding: Decoding | None = None) -> Answer:
        """The intervals in which `query` happens; none where it does not.

        Raises:
            EmptyPrompt: the query holds no words.
            TaskNotSupported: the checkpoint was not trained for it.
        """
        words = " ".join(query.split()).rstrip(".")
        if not words:
            raise EmptyPrompt("Say in words what to look for, for example 'a dog barking'.")
        return self.answer(recording, "ground", QUESTIONS["ground"].format(query=words), decoding)

    @torch.inference_mode()
    def answer(self, recording: Recording, task: Task, question: str, decoding: Decoding | None = None) -> Answer:
        """The answer to any question, in the grammar of `task`.

        Raises:
            TaskNotSupported: the checkpoint was not trained for the task.
        """
        if task not in self.tasks:
            raise TaskNotSupported(f"{self.name} was trained for {', '.join(self.tasks)}, not for {task}.")
        before, after = prompt_ids(self.tokenizer, self.model.config.prompt, question)
        llm = self.model.llm
        prompt = splice(llm.get_input_embeddings(), before, recording.audio_tokens, after)
        grammar = Grammar(self.tokenizer.vocabulary, task, recording.duration)
        ids = generate(llm, prompt, grammar, decoding or Decoding())
        text = self.tokenizer.decode(ids)
        return Answer(tuple(parse(text, task, recording.duration)), to_plain(text), len(prompt), len(ids))
