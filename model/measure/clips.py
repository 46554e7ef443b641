"""Measure clips per second, from samples to ids: encoders, connector, prompts and decoding."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from model.audio.segment import split
from model.audio.waveform import SAMPLE_RATE, Waveform
from model.engine.encoding import EncodeJob, EncoderQueue
from model.engine.engine import SlotEngine
from model.engine.sequence import Prefix
from model.language.decoding import Decoding
from model.language.generate import generate
from model.measure.clock import rates, took
from model.measure.decoding import endless, random_prompts
from model.timeaudio import TimeAudio


def noises(count: int, seconds: float) -> list[Waveform]:
    """Return `count` different noise waveforms of one length."""
    rng = np.random.default_rng(0)
    return [Waveform(rng.normal(0, 0.1, round(seconds * SAMPLE_RATE)).astype(np.float32)) for _ in range(count)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipLoad:
    """The workload: different clips that arrive at once, one question about each, all answers of one length."""

    clips: int
    seconds: float
    num_beams: int
    prompt_tokens: int = 40
    new_tokens: int = 100
    library_clips: int = 2
    """How many of the clips the library processes, one after another."""
    library_beams: int = 4


class Clips:
    """Runs the same clips through the engine and through the library."""

    def __init__(self, model: TimeAudio, engine: SlotEngine, load: ClipLoad) -> None:
        self._model = model
        self._engine = engine
        self._load = load
        self._question = random_prompts(model.llm, 1, load.prompt_tokens)[0]

    def together(self, waveforms: list[Waveform]) -> None:
        """Alternate steps of the encoders and the engine, as a server does."""
        encoders, left = EncoderQueue(self._model), len(waveforms)
        decoding = Decoding(num_beams=self._load.num_beams, max_new_tokens=self._load.new_tokens)
        for waveform in waveforms:
            encoders.add(EncodeJob(waveform))
        while left:
            for job in encoders.step() if len(encoders) else []:
                assert job.tokens is not None, job.error
                prefix = Prefix(job.tokens.to(self._question.dtype))
                self._engine.add(prefix, self._question, decoding)
            for sequence in self._engine.step():
                assert sequence.completion is not None, sequence.error
                left -= 1

    def one_by_one(self, waveforms: list[Waveform]) -> None:
        """Run each clip through the encoders and `generate` before the next."""
        decoding = Decoding(num_beams=self._load.library_beams, max_new_tokens=self._load.new_tokens)
        for waveform in waveforms:
            tokens = self._encode(waveform).to(self._question.dtype)
            generate(self._model.llm, torch.cat([tokens, self._question]), decoding)

    @torch.inference_mode()
    def _encode(self, waveform: Waveform) -> Tensor:
        speech, sound = self._model.encode_segments(split(waveform))
        return self._model.audio_tokens(speech, sound, [waveform.num_samples])[0]


def clip_rate(model: TimeAudio, engine: SlotEngine, load: ClipLoad) -> dict[str, Any]:
    """Return the clips per second of encoders and engine together, and of one clip after another."""
    clips, waveforms = Clips(model, engine, load), noises(load.clips, load.seconds)
    with endless(model.llm):
        took(lambda: clips.together(waveforms[: max(2, load.clips // 8)]))
        took(lambda: clips.one_by_one(waveforms[:1]))
        ours = took(lambda: clips.together(waveforms))
        theirs = took(lambda: clips.one_by_one(waveforms[: load.library_clips]))
    return {
        **asdict(load),
        **rates("clips", (load.clips, ours), (min(load.library_clips, load.clips), theirs)),
        "times_real_time": load.clips * load.seconds / ours.wall,
    }
