"""Transcribe speech, and time its words, with a Whisper checkpoint in the Hugging Face layout.

Times come from the decoder's cross-attention: the heads that follow the audio show which frames each token attends to.

Source: OpenAI's `whisper/timing.py`, with one path in which each token takes at least one frame instead of dynamic time
warping.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import median_filter
from tokenizers import Tokenizer
from torch import Tensor
from transformers import GenerationMixin, WhisperConfig, WhisperForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutput
from transformers.utils import logging

from model.audio.waveform import SAMPLE_RATE
from model.encoders.whisper import SpeechEncoder
from training.data.manifest import SpokenWord
from training.data.recordings import DataError, active_region
from training.data.word_times import divide_time, monotonic_starts, plain_words

FRAME_S = 0.02
FRAME_SAMPLES = SAMPLE_RATE // 50
PADDED_FRAMES = 25
MAX_SAMPLES = 30 * SAMPLE_RATE
MOST_TOKENS = 200
MEDIAN_FRAMES = 7
MULTILINGUAL_ROWS = 51_865
"""English-only checkpoints have one token fewer, and no language in the prompt."""

KNOWN_HEADS = {
    (6, 8, True): ((3, 1), (4, 2), (4, 3), (4, 7), (5, 1), (5, 2), (5, 4), (5, 6)),
    (6, 8, False): ((3, 3), (4, 7), (5, 1), (5, 5), (5, 7)),
}
"""Layers, heads, whether multilingual -> OpenAI's alignment heads of base and base.en, each a layer and a head. They
are used where `generation_config.json` has none; any other checkpoint then uses all heads of its upper half."""


class SpeechReader:
    """A Whisper checkpoint that transcribes English speech and times its words.

    Raises:
        DataError: the folder does not hold a whole Whisper checkpoint.
    """

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        missing = [name for name in ("config.json", "tokenizer.json") if not (folder / name).is_file()]
        if missing:
            raise DataError(f"{folder} lacks {' and '.join(missing)}: name a whole Whisper checkpoint with --whisper.")
        logging.disable_progress_bar()
        config = WhisperConfig.from_pretrained(str(folder))
        model: Any = WhisperForConditionalGeneration.from_pretrained(
            str(folder), config=config, dtype=torch.float32, attn_implementation="eager"
        )
        self._model = model.to(device).eval()
        speech = SpeechEncoder(WhisperConfig.from_pretrained(str(folder)))  # runs at any length up to 30 s
        speech.encoder.load_state_dict(model.model.encoder.state_dict())
        self._speech = speech.to(device).eval()
        self._device = device
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._end = self._id("<|endoftext|>")
        multilingual = config.vocab_size >= MULTILINGUAL_ROWS
        names = ["<|startoftranscript|>", *(("<|en|>", "<|transcribe|>") if multilingual else ()), "<|notimestamps|>"]
        self._prompt = [self._id(name) for name in names]
        self._heads = _alignment_heads(folder, config, multilingual=multilingual)

    @torch.no_grad()
    def read(self, samples: npt.NDArray[np.float32], text: str | None = None) -> list[SpokenWord]:
        """Return the words of up to 30 s of speech with their times; `text` is what is said, if it is known.

        Words whose times lie outside the sound are left out. The list is empty if nothing is recognised, or if the text
        is too long for the recording.
        """
        if len(samples) > MAX_SAMPLES:
            raise ValueError(f"{len(samples) / SAMPLE_RATE:.1f} s is more than the 30 s that Whisper reads at once.")
        text = self._transcribe(self._encoded(samples, MAX_SAMPLES)) if text is None else text
        units = [unit for unit in text.split() if plain_words(unit)]
        if not units:
            return []
        try:
            edges = self._edges(samples, units)
        except ValueError:
            return []
        first, last = (edge / SAMPLE_RATE for edge in active_region(samples))
        words: list[SpokenWord] = []
        for unit, start, end in zip(units, edges[:-1], edges[1:], strict=True):
            start, end = (min(max(time, first), last) for time in (start, end))
            if end > start:
                words += divide_time(plain_words(unit), start, end)
        return words

    def _transcribe(self, encoded: Tensor) -> str:
        """Return the greedy transcript."""
        special = list(range(self._end + 1, self._model.config.vocab_size))  # never part of a text
        ids = GenerationMixin.generate(  # Whisper's own `generate` needs settings that a bare checkpoint lacks
            self._model, encoder_outputs=BaseModelOutput(last_hidden_state=encoded), max_new_tokens=MOST_TOKENS,
            decoder_input_ids=torch.tensor([self._prompt], device=self._device), do_sample=False, num_beams=1,
            eos_token_id=self._end, pad_token_id=self._end, suppress_tokens=special,
        )[0, len(self._prompt) :].tolist()  # fmt: skip
        text: str = self._tokenizer.decode([i for i in ids if i != self._end])
        return text

    def _encoded(self, samples: npt.NDArray[np.float32], num_samples: int) -> Tensor:
        """Return the encoder's output [1, frames, dim] for a recording padded with zeros to `num_samples`."""
        padded = np.zeros(num_samples, dtype=np.float32)
        padded[: len(samples)] = samples
        encoded: Tensor = self._speech(torch.from_numpy(padded)[None].to(self._device))
        return encoded

    def _edges(self, samples: npt.NDArray[np.float32], units: list[str]) -> list[float]:
        """Return where each unit begins, and where the last one ends, in seconds.

        Only transcribing needs padding to 30 s. Here the recording is not padded, so a short one takes less time.
        """
        pieces = [self._tokenizer.encode(f" {unit}", add_special_tokens=False).ids for unit in units]
        ids = [*self._prompt, *(i for piece in pieces for i in piece), self._end]
        if len(ids) > self._model.config.max_target_positions:
            raise ValueError("the text has too many tokens")
        num_frames = -(-len(samples) // FRAME_SAMPLES)
        encoded = self._encoded(samples, min((num_frames + PADDED_FRAMES) * FRAME_SAMPLES, MAX_SAMPLES))
        out = self._model.model.decoder(
            input_ids=torch.tensor([ids], device=self._device), encoder_hidden_states=encoded, output_attentions=True
        )
        attention = torch.stack([out.cross_attentions[layer][0, head] for layer, head in self._heads])
        attention = attention[:, :, :num_frames].float()
        attention = (attention - attention.mean(dim=1, keepdim=True)) / (attention.std(dim=1, keepdim=True) + 1e-6)
        smooth = median_filter(attention.cpu().double().numpy(), size=(1, 1, MEDIAN_FRAMES)).mean(axis=0)
        # The row of a token is the one that predicts it: from the prompt's last token to the last of the text.
        starts = monotonic_starts(smooth[len(self._prompt) - 1 : -1])
        firsts = np.cumsum([0, *(len(piece) for piece in pieces)])
        return [starts[first] * FRAME_S for first in firsts]

    def _id(self, token: str) -> int:
        found: int | None = self._tokenizer.token_to_id(token)
        if found is None:
            raise DataError(f"The tokenizer has no {token}: it is not one of Whisper's.")
        return found


def _alignment_heads(folder: Path, config: Any, *, multilingual: bool) -> list[tuple[int, int]]:
    path = folder / "generation_config.json"
    given = json.loads(path.read_text(encoding="utf-8")).get("alignment_heads") if path.is_file() else None
    layers, heads = config.decoder_layers, config.decoder_attention_heads
    given = given or KNOWN_HEADS.get((layers, heads, multilingual))
    return [
        (layer, head) for layer, head in given or ((n, h) for n in range(layers // 2, layers) for h in range(heads))
    ]
