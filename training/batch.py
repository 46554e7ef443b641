"""Prompts and answers as one batch of embeddings."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from model.config import PromptConfig
from model.language.prompt import prompt_ids
from model.language.tokenizer import Tokenizer
from training.data.tasks import Example

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


def time_weight(num_rows: int, ids: Sequence[int], weight: float) -> Float[Tensor, " vocabulary"]:
    """1 for every id, `weight` for those that write times."""
    weights = torch.ones(num_rows)
    weights[list(ids)] = weight
    return weights


def answer_loss(
    llm: PreTrainedModel,
    embeds: Tensor,
    mask: Tensor,
    labels: Tensor,
    weight: Float[Tensor, " vocabulary"] | None = None,
) -> Tensor:
    """Mean cross-entropy of the answers' tokens, each weighted by its id where `weight` is given.

    Logits are computed only where an answer is: most positions are audio and question.
    """
    hidden = llm.get_decoder()(inputs_embeds=embeds, attention_mask=mask, use_cache=False).last_hidden_state
    predicts = labels[:, 1:] != IGNORED
    logits = llm.get_output_embeddings()(hidden[:, :-1][predicts])
    return nn.functional.cross_entropy(logits.float(), labels[:, 1:][predicts], weight=weight)
