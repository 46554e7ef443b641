"""Prompts and answers as one batch of embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from model.config import PromptConfig
from model.language.prompt import prompt_ids
from model.language.tokenizer import Tokenizer
from model.timeline.interval import Interval
from training.data.answers import ABSENT, Example, ground_answer

IGNORED = -100
"""The label of positions that are not part of an answer."""


class Batch(NamedTuple):
    """Embeddings, which positions are there, the labels (an answer's ids and the end), and which examples these are."""

    embeds: Float[Tensor, "batch length dim"]
    mask: Bool[Tensor, "batch length"]
    labels: Int[Tensor, "batch length"]
    examples: list[int]


class BatchBuilder:
    """Splices each example's audio tokens between its words. Padding stands on the right and is masked."""

    def __init__(self, tokenizer: Tokenizer, prompt: PromptConfig) -> None:
        self.tokenizer = tokenizer
        self.prompt = prompt
        self.num_before = len(prompt_ids(tokenizer, prompt, "")[0])
        """Positions before the first audio token."""

    def build(
        self, embedding: nn.Module, audio: Sequence[Float[Tensor, "tokens dim"]], examples: Sequence[Example]
    ) -> list[Batch]:
        """The examples as one batch, or as two, the short ones and the long ones, where that saves padding."""
        rows, labels = self._rows(embedding, audio, examples)
        return [
            _padded([rows[i] for i in some], [labels[i] for i in some], some)
            for some in _by_length(list(map(len, rows)))
        ]

    def _rows(
        self, embedding: nn.Module, audio: Sequence[Float[Tensor, "tokens dim"]], examples: Sequence[Example]
    ) -> tuple[list[Tensor], list[Tensor]]:
        rows, labels = [], []
        for tokens, example in zip(audio, examples, strict=True):
            before, after = prompt_ids(self.tokenizer, self.prompt, example.question)
            answer = [*self.tokenizer.encode(example.answer), self.tokenizer.eos_id]
            text = torch.tensor(before + after + answer)
            embedded = embedding(text)
            split = len(before)
            rows.append(torch.cat([embedded[:split], tokens.to(embedded.dtype), embedded[split:]]))
            ignored = torch.full((len(before) + len(tokens) + len(after),), IGNORED)
            labels.append(torch.cat([ignored, text[split + len(after) :]]))
        return rows, labels


def _by_length(lengths: Sequence[int]) -> list[list[int]]:
    """Which examples go together: all, or the shorter and the longer ones, whichever computes fewer positions."""
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    longest = lengths[order[-1]]

    def positions(cut: int) -> int:
        return cut * lengths[order[cut - 1]] + (len(order) - cut) * longest

    cut = min(range(len(order), 0, -1), key=positions)  # of equals the first: one batch
    return [part for part in (order[:cut], order[cut:]) if part]


def _padded(rows: list[Tensor], labels: list[Tensor], examples: list[int]) -> Batch:
    lengths = torch.tensor([len(r) for r in rows])
    mask = torch.arange(int(lengths.max())) < lengths[:, None]
    padded = pad_sequence(labels, batch_first=True, padding_value=IGNORED)
    return Batch(pad_sequence(rows, batch_first=True), mask, padded, examples)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLoss:
    """Cross-entropy of answers, in which what has to be heard may weigh more than other words.

    Attributes:
        time_ids: ids that write times: digits, or markers.
        presence_ids: the first ids at which "The given query happens" and "does not occur" part.
        list_ids: the ids by which, after a time, a list of intervals goes on or ends.
        weight: [vocabulary], of each id.
        list_weight: of a list's going on or ending.
    """

    time_ids: Int[Tensor, " time"]
    presence_ids: Int[Tensor, " presence"]
    list_ids: Int[Tensor, " list"]
    weight: Float[Tensor, " vocabulary"]
    list_weight: float

    @classmethod
    def of(
        cls,
        tokenizer: Tokenizer,
        num_rows: int,
        time_ids: Sequence[int],
        *,
        time_weight: float = 1.0,
        presence_weight: float = 1.0,
        list_weight: float = 1.0,
    ) -> "AnswerLoss":
        """For the answers that this tokenizer writes; `num_rows` is the size of the prediction head."""
        weight = torch.ones(num_rows)
        weight[list(time_ids)] = time_weight
        presence = presence_ids(tokenizer)
        weight[list(presence)] = presence_weight
        return cls(
            time_ids=torch.tensor(time_ids), presence_ids=torch.tensor(presence),
            list_ids=torch.tensor(list_ids(tokenizer)), weight=weight, list_weight=list_weight,
        )  # fmt: skip

    def __call__(self, llm: PreTrainedModel, batches: Sequence[Batch]) -> dict[str, Tensor]:
        """The weighted mean over all batches as `loss`; the plain means over times, lists, presence and other words.

        Logits are computed only where an answer is: most positions are audio and question.
        """
        found = [self._of_one(llm, batch) for batch in batches]
        each, weights, labels, is_list = (torch.cat(parts) for parts in zip(*found, strict=True))
        is_time, is_presence = torch.isin(labels, self.time_ids), torch.isin(labels, self.presence_ids)
        parts = {
            "time": is_time,
            "lists": is_list,
            "presence": is_presence,
            "words": ~(is_time | is_list | is_presence),
        }
        means = {name: each.detach()[part].mean() for name, part in parts.items() if part.any()}
        return {"loss": (each * weights).sum() / weights.sum(), **means}

    def _of_one(self, llm: PreTrainedModel, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Of every token of the answers: cross-entropy, weight, id, and whether a list goes on or ends with it."""
        decoder, labels = llm.get_decoder(), batch.labels
        hidden = decoder(inputs_embeds=batch.embeds, attention_mask=batch.mask, use_cache=False).last_hidden_state
        predicts = labels[:, 1:] != IGNORED
        logits = llm.get_output_embeddings()(hidden[:, :-1][predicts]).float()
        before, labels = labels[:, :-1][predicts], labels[:, 1:][predicts]
        is_list = torch.isin(before, self.time_ids) & torch.isin(labels, self.list_ids)
        weights = torch.where(is_list, self.list_weight, self.weight[labels])
        return nn.functional.cross_entropy(logits, labels, reduction="none"), weights, labels, is_list


def presence_ids(tokenizer: Tokenizer) -> tuple[int, int]:
    """The first ids at which "The given query happens" and "does not occur" part."""
    present, absent = (tokenizer.encode(text) for text in (ground_answer([]), ABSENT))
    return next((p, a) for p, a in zip(present, absent, strict=False) if p != a)


def list_ids(tokenizer: Tokenizer) -> tuple[int, int]:
    """The ids by which, after an interval, a list of intervals goes on and ends."""
    interval = Interval(0, 1)
    one, two = (tokenizer.encode(ground_answer([interval] * count)) for count in (1, 2))
    return next((more, end) for more, end in zip(two, one, strict=False) if more != end)
