"""Reproduce the released code's numbers with our modules: each stage's tensor by name, and the generated ids.

    reference = load_released(state_dict, configs, tokenizer=Path("tokenizer.model"))
    tensors = reference.stages(samples)            # {"fbank": ..., "whisper": ..., ..., "logits": ...}
    ids = reference.generate(samples, num_beams=4)

This is not a second implementation: the settings of `model.convert.configs` select the released code's behaviour.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, WhisperConfig

from model.audio.log_mel import log_mel
from model.audio.segment import split
from model.audio.waveform import SAMPLE_RATE, Waveform
from model.checkpoint import load_checkpoint
from model.config import ModelConfig
from model.connector.merge_released import picks_of_scores
from model.connector.released_index import Device, measured_on
from model.convert.audio import Samples, as_loaded, padded
from model.convert.configs import beats_config, model_config
from model.convert.keys import RenamedState, merged, rename
from model.convert.language import check_rotation, released_tokenizer
from model.encoders.beats import BEATs
from model.encoders.whisper import SpeechEncoder
from model.encoders.whole import whole_fbank
from model.errors import CheckpointError, MissingWeights, UnexpectedWeights
from model.language.decoding import Decoding
from model.language.generate import generate
from model.language.prompt import prompt_ids, splice
from model.language.tokenizer import Tokenizer
from model.timeaudio import TimeAudio

QUESTION = "What are the sound events? Provide their time intervals and brief descriptions."
"""The default question."""

Picks = Sequence[Sequence[int]] | Tensor


class Reference:
    """A model with the released code's settings that exposes the tensors of every stage."""

    def __init__(self, model: TimeAudio, tokenizer: Tokenizer | None = None) -> None:
        self.model = model
        self.tokenizer = tokenizer

    @classmethod
    def load(cls, directory: Path) -> "Reference":
        """Load a checkpoint directory that `timeaudio import` wrote.

        Raises:
            CheckpointError: the checkpoint is incomplete or invalid.
        """
        return cls(*load_checkpoint(directory))

    @torch.inference_mode()
    def stages(
        self,
        waveform: Samples,
        *,
        duration_s: float | None = None,
        picks: Picks | None = None,
        question: str = QUESTION,
        prompt: tuple[Sequence[int], Sequence[int]] | None = None,
    ) -> dict[str, Tensor]:
        """Return every stage's tensor for one recording. The first axis is a batch of one (in `mel`, 30 s segments).

        | name | shape |
        |---|---|
        | mel | [segments, 80, 3000], Whisper's log-mel, segments padded to 30 s |
        | fbank | [1, steps, 128], Kaldi's filterbank of the whole waveform, normalised |
        | whisper | [1, 1500 segments, dim] |
        | beats | [1, tokens, dim] |
        | fused | [1, frames, dim]: both after LayerNorm, the shorter one followed by zeros |
        | time_index | [1, windows], row of the time encoding |
        | windows | [1, windows, 17, dim], time encoding added: the Q-Former's input |
        | qformer | [1, windows, dim] |
        | merged | [1, tokens, dim]; equal to `qformer` without merging |
        | projected | [1, tokens, language dim] |
        | logits | [1, prompt, vocabulary], for the tokens spliced into the prompt; needs a tokenizer or `prompt` |

        Args:
            waveform: 16 kHz, within -1 to 1, or integers as in a WAV file. As in the released code, only the first
                channel of [samples, channels] is used, and at most 180 s.
            duration_s: the recording's length for the time index; its true length if None. The released data set uses
                the length in the annotation, rounded to a tenth.
            picks: the dominant windows of each segment of 44 windows, ascending, numbered from the recording's first
                window. Recordings of over 88 windows are merged with them. See also `picks_of_scores`.
            question: the question, if there is no `prompt`.
            prompt: ids before (with BOS) and after the audio tokens.
        """
        samples = as_loaded(waveform)
        segments = split(Waveform(samples))
        num_samples = len(samples) if duration_s is None else round(duration_s * SAMPLE_RATE)
        connector = self.model.connector
        speech, sound = self.model.encode_segments(segments)
        tensors = {
            "mel": log_mel(padded(filter(self.model.encodes_speech, segments)), num_mels=self.model.speech.num_mels),
            "fbank": whole_fbank(segments),
            "whisper": speech,
            "beats": sound,
            "fused": self.model.fusion(speech, sound),
        }
        tensors["windows"], is_padding = connector.windows(tensors["fused"], [num_samples])
        tensors["time_index"] = connector.time_encoding.rows(len(is_padding), num_samples=[num_samples])
        attended = connector.attended_windows(tensors["windows"], is_padding)
        tensors["qformer"], _ = connector.unmerged(attended)
        tensors["merged"], _ = connector.merged(attended, None if picks is None else torch.as_tensor(picks)[None])
        tensors["projected"] = connector.projection(tensors["merged"])
        if prompt is not None or self.tokenizer is not None:
            embeds = self._prompt(tensors["projected"][0], question, prompt)[None]
            tensors["logits"] = self.model.llm(inputs_embeds=embeds).logits
        return tensors

    def generate(
        self,
        waveform: Samples,
        *,
        num_beams: int = 1,
        max_new_tokens: int = 40,
        duration_s: float | None = None,
        picks: Picks | None = None,
        question: str = QUESTION,
        prompt: tuple[Sequence[int], Sequence[int]] | None = None,
    ) -> list[int]:
        """Generate the answer's ids by greedy search or beam search, without a grammar.

        The arguments are those of `stages`. The result excludes the prompt and the end-of-sequence token.
        """
        tensors = self.stages(waveform, duration_s=duration_s, picks=picks, question=question, prompt=prompt)
        decoding = Decoding(num_beams=num_beams, max_new_tokens=max_new_tokens)
        return self.answer(tensors["projected"][0], decoding, question=question, prompt=prompt)

    @torch.inference_mode()
    def answer(
        self,
        audio_tokens: Float[Tensor, "tokens dim"],
        decoding: Decoding,
        *,
        question: str = QUESTION,
        prompt: tuple[Sequence[int], Sequence[int]] | None = None,
    ) -> list[int]:
        """Generate the ids of the answer to `question`, given audio tokens (`projected` of `stages`)."""
        return generate(self.model.llm, self._prompt(audio_tokens, question, prompt), decoding)

    def picks_of_scores(self, scores: Float[Tensor, " windows"]) -> Int[Tensor, "segments dominant"]:
        """Return the picks for dumped merge scores: the highest of each segment, by torch's topk on the CPU."""
        return picks_of_scores(scores, self.model.config.merge)

    def _prompt(
        self, audio_tokens: Tensor, question: str, prompt: tuple[Sequence[int], Sequence[int]] | None
    ) -> Float[Tensor, "length dim"]:
        if prompt is None:
            if self.tokenizer is None:
                raise ValueError("Give the prompt as ids: no tokenizer was loaded.")
            prompt = prompt_ids(self.tokenizer, self.model.config.prompt, question)
        before, after = map(list, prompt)
        return splice(self.model.llm.get_input_embeddings(), before, audio_tokens, after)


def load_released(
    state: Mapping[str, Tensor],
    configs: Mapping[str, Any],
    *,
    tokenizer: Path | Tokenizer | None = None,
    index: Device | None = None,
) -> Reference:
    """Build a model from a complete state dict with the authors' key names, in float32, with its adapters merged.

    Args:
        state: every tensor, including those of the encoders and the language model.
        configs: `beats`, `whisper`, `llama` as in their own files; `bert` for the Q-Former's heads; `model` is the
            `model` part of the authors' config (`lora_alpha`, `second_per_window`, `prompt_template` ... are read).
        tokenizer: a directory, or a sentencepiece `tokenizer.model`; if None, give prompts as ids.
        index: the device whose arithmetic the time index uses; detected from the trained rows if None.

    Raises:
        CheckpointError: tensors are missing or unexpected, or have another shape than the configs say.
    """
    renamed = rename(state)
    if renamed.unknown:
        raise UnexpectedWeights(renamed.unknown, where="The state dict")
    tensors = _float32(renamed, configs["model"])
    _require(tensors, "connector.qformer.query", "connector.time_encoding.weight")
    config = model_config(
        "timeaudio-released",
        configs["model"],
        tensors,
        index=index or measured_on(tensors["connector.time_encoding.weight"]),
        num_heads=configs.get("bert", {}).get("num_attention_heads"),
    )
    model = _build(config, configs, tensors)
    check_rotation(state, model.llm.config, "The state dict")
    expected = model.state_dict()
    if missing := sorted(expected.keys() - tensors.keys()):
        raise MissingWeights(missing, where="The state dict")
    if unexpected := sorted(tensors.keys() - expected.keys()):
        raise UnexpectedWeights(unexpected, where="The state dict")
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise CheckpointError(str(error)) from None
    return Reference(model.eval().requires_grad_(False), _tokenizer(tokenizer))


def _require(tensors: Mapping[str, Tensor], *names: str) -> None:
    if missing := [name for name in names if name not in tensors]:
        raise MissingWeights(missing, where="The state dict")


def _float32(renamed: RenamedState, theirs: Mapping[str, Any]) -> dict[str, Tensor]:
    tensors = {name: t.float() if t.is_floating_point() else t for name, t in renamed.tensors.items()}
    for name, adapter in renamed.adapters.items():
        _require(tensors, name)
        tensors[name] = merged(tensors[name], adapter, theirs.get("lora_alpha", 32) / len(adapter[0]))
    return tensors


def _build(config: ModelConfig, configs: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> TimeAudio:
    """Build the networks with random weights. The embedding has as many rows as in `tensors`, markers included."""
    _require(tensors, "llm.model.embed_tokens.weight")
    rows = len(tensors["llm.model.embed_tokens.weight"])
    llm = LlamaForCausalLM(LlamaConfig.from_dict({**configs["llama"], "vocab_size": rows}))
    speech = SpeechEncoder(WhisperConfig.from_dict(configs["whisper"]))
    return TimeAudio(config, speech, BEATs(beats_config(configs["beats"])), llm)


def _tokenizer(given: Path | Tokenizer | None) -> Tokenizer | None:
    if given is None or isinstance(given, Tokenizer):
        return given
    return released_tokenizer(given)
