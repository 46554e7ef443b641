"""Prompts and answers as one batch of embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from model.config import PromptConfig
from model.language.prompt import prompt_ids
from model.language.tokenizer import Tokenizer
from training.data.answers import ABSENT, Example, ground_answer

IGNORED = -100
"""The label of positions that are not part of an answer."""


class BatchBuilder:
    """Splices each example's audio tokens between its words. Padding stands on the right and is masked."""

    def __init__(self, tokenizer: Tokenizer, prompt: PromptConfig) -> None:
        self.tokenizer = tokenizer
        self.prompt = prompt

    def build(
        self, embedding: nn.Module, audio: Sequence[Float[Tensor, "tokens dim"]], examples: Sequence[Example]
    ) -> tuple[Float[Tensor, "batch length dim"], Bool[Tensor, "batch length"], Int[Tensor, "batch length"]]:
        """Embeddings, which positions are there, and the labels: the answer's ids and the end."""
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
        lengths = torch.tensor([len(r) for r in rows])
        mask = torch.arange(int(lengths.max())) < lengths[:, None]
        return (
            pad_sequence(rows, batch_first=True),
            mask,
            pad_sequence(labels, batch_first=True, padding_value=IGNORED),
        )


@dataclass(frozen=True, slots=True)
class AnswerLoss:
    """Cross-entropy of answers, in which times and the word of presence may weigh more than other words.

    Attributes:
        time_ids: ids that write times: digits, or markers.
        presence_ids: the first ids at which "The given query happens" and "does not occur" part.
        weight: [vocabulary], of each id.
    """

    time_ids: Int[Tensor, " time"]
    presence_ids: Int[Tensor, " presence"]
    weight: Float[Tensor, " vocabulary"]

    @classmethod
    def of(
        cls, tokenizer: Tokenizer, num_rows: int, time_ids: Sequence[int], time_weight: float, presence_weight: float
    ) -> "AnswerLoss":
        """For the answers that this tokenizer writes; `num_rows` is the size of the prediction head."""
        weight = torch.ones(num_rows)
        weight[list(time_ids)] = time_weight
        presence = presence_ids(tokenizer)
        weight[list(presence)] = presence_weight
        return cls(torch.tensor(time_ids), torch.tensor(presence), weight)

    def __call__(self, llm: PreTrainedModel, embeds: Tensor, mask: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """The weighted mean as `loss`, and the plain means over times, presence and all other words.

        Logits are computed only where an answer is: most positions are audio and question.
        """
        hidden = llm.get_decoder()(inputs_embeds=embeds, attention_mask=mask, use_cache=False).last_hidden_state
        predicts = labels[:, 1:] != IGNORED
        logits = llm.get_output_embeddings()(hidden[:, :-1][predicts]).float()
        labels = labels[:, 1:][predicts]
        each = nn.functional.cross_entropy(logits, labels, reduction="none")
        weights = self.weight[labels]
        is_time, is_presence = torch.isin(labels, self.time_ids), torch.isin(labels, self.presence_ids)
        parts = {"time": is_time, "presence": is_presence, "words": ~(is_time | is_presence)}
        means = {name: each.detach()[part].mean() for name, part in parts.items() if part.any()}
        return {"loss": (each * weights).sum() / weights.sum(), **means}


def presence_ids(tokenizer: Tokenizer) -> tuple[int, int]:
    """The first ids at which "The given query happens" and "does not occur" part."""
    present, absent = (tokenizer.encode(text) for text in (ground_answer([]), ABSENT))
    return next((p, a) for p, a in zip(present, absent, strict=False) if p != a)
