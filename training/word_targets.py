"""Word-level targets of an alignment: the token of a window in which words are spoken learns which words they are.

A softmax over all words of the manifest reads the token by its cosine with the words' input embeddings. Thousands of
words take part, so two things keep the frequent ones from dominating: the logits carry the words' log frequencies
while they train, so that the cosines need not learn them (Menon et al. 2021, "Long-tail learning via logit
adjustment"), and words more frequent than one in a thousand weigh less in the loss.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from model.language.tokenizer import Tokenizer
from training.data.manifest import Row

FREQUENT = 1e-3
"""Words with a larger share than this of all words weigh less, by the root of the ratio. In a vocabulary of under 1,000
words, the limit is the average share."""

WORD_WEIGHT = 0.3
SLIVER = 1e-3
"""Smaller shares of a window are the rounding of a word that ends where the window begins."""

TimedWord = tuple[int, float, float]
"""The place of a word in the vocabulary, its start and its end in seconds."""


class Overlaps(NamedTuple):
    """Which words are spoken in which windows of a batch, and the share of the window that each takes."""

    window: Int[Tensor, "overlaps"]
    word: Int[Tensor, "overlaps"]
    share: Float[Tensor, "overlaps"]


class WordTargets(nn.Module):
    """The words of a manifest, with their vectors and weights, and the loss of the tokens of their windows."""

    vectors: Tensor
    centre: Tensor
    log_share: Tensor
    weight: Tensor

    def __init__(self, embedding: Float[Tensor, "rows dim"], tokenizer: Tokenizer, rows: Sequence[Row]) -> None:
        super().__init__()
        count = Counter(word.text for row in rows for word in row.words)
        self.words = {text: place for place, text in enumerate(sorted(count))}
        vectors = word_vectors(embedding, tokenizer, list(self.words))
        share = torch.tensor([count[text] for text in self.words], dtype=torch.float) / count.total()
        self.register_buffer("vectors", vectors, persistent=False)
        self.register_buffer("centre", vectors.mean(dim=0), persistent=False)
        self.register_buffer("log_share", share.log().to(vectors.device), persistent=False)
        weight = (max(FREQUENT, 1 / len(self.words)) / share).sqrt().clamp(max=1.0)
        self.register_buffer("weight", weight.to(vectors.device), persistent=False)
        self.scale = nn.Parameter(torch.tensor(15.0, device=vectors.device))

    def example(self, row: Row) -> tuple[TimedWord, ...]:
        """Return a row's words by their places in the vocabulary."""
        return tuple((self.words[word.text], word.start, word.end) for word in row.words)

    def overlaps(self, spoken: Sequence[Sequence[TimedWord]], count: int, window_s: float) -> Overlaps:
        """Return the words of a batch of recordings with `count` windows each; windows are numbered through."""
        found: list[tuple[int, int, float]] = []
        for place, words in enumerate(spoken):
            for word, start, end in words:
                for window in range(int(start / window_s), min(int(end / window_s), count - 1) + 1):
                    first = window * window_s
                    share = (min(end, first + window_s) - max(start, first)) / window_s
                    if share > SLIVER:
                        found.append((place * count + window, word, share))
        places = torch.tensor([[window, word] for window, word, _ in found], dtype=torch.long).view(-1, 2)
        shares = torch.tensor([share for *_, share in found], dtype=torch.float)
        device = self.centre.device
        return Overlaps(places[:, 0].to(device), places[:, 1].to(device), shares.to(device))

    def loss(self, tokens: Float[Tensor, "windows dim"], spoken: Overlaps) -> Tensor:
        """Return the weighted cross-entropy of the windows' words, summed over windows and divided by all windows."""
        if not len(spoken.window):
            return (tokens.sum() + self.scale) * 0  # so that every parameter has a gradient in every process
        windows, place = spoken.window.unique(return_inverse=True)
        logits = self.scale * cosines(tokens[windows], self.vectors, self.centre) + self.log_share
        total = torch.zeros(len(windows), device=tokens.device).index_add(0, place, spoken.share)
        weight = self.weight[spoken.word] * spoken.share / total[place]
        missed = -logits.log_softmax(dim=-1)[place, spoken.word]
        return WORD_WEIGHT * (weight * missed).sum() / len(tokens)

    def sums(self, spoken: Overlaps, count: int) -> tuple[Float[Tensor, "windows dim"], Float[Tensor, "windows 1"]]:
        """Return the weighted sum of the word vectors of each of `count` windows, and the sum of the weights."""
        weight = (self.weight[spoken.word] * spoken.share)[:, None]
        vectors = self.vectors.new_zeros(count, self.vectors.shape[1])
        return (
            vectors.index_add(0, spoken.window, weight * self.vectors[spoken.word]),
            vectors.new_zeros(count, 1).index_add(0, spoken.window, weight),
        )


def word_vectors(embedding: Tensor, tokenizer: Tokenizer, words: Sequence[str]) -> Float[Tensor, "words dim"]:
    """Return the mean input embedding of each word's tokens, with the space before it."""
    return torch.stack([embedding[tokenizer.encode(f" {word}")].float().mean(dim=0) for word in words])


def cosines(tokens: Tensor, vectors: Tensor, centre: Tensor) -> Float[Tensor, "windows words"]:
    """Return the cosines of tokens [windows, dim] with word vectors [words, dim], both relative to `centre`."""
    return F.normalize(tokens - centre, dim=-1) @ F.normalize(vectors - centre, dim=-1).T
