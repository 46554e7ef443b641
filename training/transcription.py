"""Train a transcriber: layers above the speech encoder learn the letters of what is said, by CTC.

With CTC alone, the loss stays for a long time at the level of guessing letters by their frequency. So frames within a
word also learn the letter that the word's times suggest, with the weight `TIMED_WEIGHT`. Each letter of a word takes an
equal share of its time.

Rows without words teach that sounds and music have no letters; a word of another language is one mark.

Source: Graves et al. 2006, "Connectionist Temporal Classification".
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.encoders.transcriber import SYMBOLS, Transcriber
from model.timeline.words import FRAMES_PER_SECOND
from training.data.manifest import Row, SpokenWord
from training.feature_dropout import FeatureDropout
from training.parameter_group import ParameterGroup, by_weight_decay
from training.stages import StageConfig

BLANK = 0
OUTPUT_RATE = 5.0
"""The output layer starts at random and learns faster than the layers from Whisper, by this factor."""


TIMED_WEIGHT = 0.1
"""Weight of a frame's cross-entropy with the letter that its word's times suggest, relative to CTC's per letter."""


class TranscriptionExample(NamedTuple):
    """The symbols spoken in a recording, as outputs of the transcriber, and frames with their likely symbols."""

    answer: tuple[int, ...]
    timed: tuple[tuple[int, int], ...] = ()


class TranscriptionLearner(nn.Module):
    """A transcriber in training. Trains like `Learner`, on the speech frames alone."""

    def __init__(self, transcriber: Transcriber, config: StageConfig) -> None:
        super().__init__()
        self.transcriber = transcriber.requires_grad_(True)
        self.feature_dropout = FeatureDropout(config.feature_dropout if config.dropout else 0.0)
        self.num_tokens = self.num_padded = 0

    def groups(self) -> list[ParameterGroup]:
        """Return the trained parameters; biases and norms have no weight decay."""
        output = list(self.transcriber.output.parameters())
        chosen = {id(parameter) for parameter in output}
        others = [p for p in self.transcriber.parameters() if id(p) not in chosen]
        return [*by_weight_decay(others, 1.0), *by_weight_decay(output, OUTPUT_RATE)]

    def example(self, row: Row) -> TranscriptionExample:
        """Return the symbols of a row's words."""
        text = " ".join(word.text for word in row.words)
        timed = tuple(pair for word in row.words for pair in timed_symbols(word))
        return TranscriptionExample(tuple(1 + SYMBOLS.index(symbol) for symbol in text), timed)

    def loss_weight(self, examples: Sequence[TranscriptionExample]) -> float:
        """Return the divisor of a sum of losses: the number of symbols, and one for each recording."""
        return float(sum(1 + len(example.answer) for example in examples))

    def forward(
        self, frames: Sequence[tuple[Tensor, Tensor]], _: object, examples: Sequence[TranscriptionExample]
    ) -> Tensor:
        """Return the sum of the recordings' losses: the negative log-probability of their symbols."""
        device = self.transcriber.scale.device
        speech = nn.utils.rnn.pad_sequence([each[0].to(device) for each, _ in frames], batch_first=True)
        num_frames = torch.tensor([each.shape[1] for each, _ in frames], device=device)
        is_sound = torch.arange(speech.shape[1], device=device) < num_frames[:, None]
        scores = self.transcriber(self.feature_dropout(speech), is_sound)
        targets = torch.tensor([symbol for example in examples for symbol in example.answer], device=device)
        counts = torch.tensor([len(example.answer) for example in examples], device=device)
        loss: Tensor = F.ctc_loss(
            scores.transpose(0, 1), targets, num_frames, counts, blank=BLANK, reduction="sum", zero_infinity=True
        )
        timed = [(n, f, s) for n, each in enumerate(examples) for f, s in each.timed if f < frames[n][0].shape[1]]
        if timed:
            rows, at, symbols = torch.tensor(timed, device=device).T
            loss = loss - TIMED_WEIGHT * scores[rows, at, symbols].sum()
        return loss

    def finish(self) -> None:
        """Do nothing: the model has the module already."""


def timed_symbols(word: SpokenWord) -> list[tuple[int, int]]:
    """Return a word's frames, each with the output of its letter, or with the blank between two equal letters."""
    first, last = (round(time * FRAMES_PER_SECOND) for time in (word.start, word.end))
    outputs = [1 + SYMBOLS.index(letter) for letter in word.text]
    found: list[tuple[int, int]] = []
    for frame in range(first, last):
        place = (frame - first) * len(outputs) // (last - first)
        after = (frame + 1 - first) * len(outputs) // (last - first)
        is_edge = place < after < len(outputs) and outputs[after] == outputs[place]
        found.append((frame, BLANK if is_edge else outputs[place]))
    return found


def transcribed_rows(rows: Sequence[Row]) -> list[Row]:
    """Return the rows whose speech is known: those with words of letters alone, and those of recordings without speech.

    Only dense captions and timelines say whether anybody speaks. Of several rows about a recording, the first is kept.
    """
    unknown = {row.audio for row in rows if not row.words and any("speech" in event.label for event in row.events)}
    first: dict[str, Row] = {}
    for row in rows:
        is_spelled = all(set(word.text) <= set(SYMBOLS) for word in row.words)
        is_silent = row.task == "dense_caption" and row.audio not in unknown
        if is_spelled and (row.words or is_silent):
            first.setdefault(row.audio, row)
    return list(first.values())
