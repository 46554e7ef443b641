"""From a spliced prompt to ids: the library's `generate`, held to the grammar."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import LogitsProcessor, LogitsProcessorList, PreTrainedModel

from model.timeline.grammar import Allowed, Grammar


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """How an answer is searched for."""

    num_beams: int = 1
    """1 is greedy."""
    max_new_tokens: int = 300
    """Tokens after which an answer is cut (and closed by the grammar). Source: paper, Table 5, max text length."""


class GrammarMask(LogitsProcessor):
    """Sets the scores of tokens that the grammar forbids to minus infinity, row by row."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.masks: dict[Allowed, Tensor] = {}

    def __call__(self, input_ids: Int[Tensor, "rows length"], scores: Float[Tensor, "rows vocabulary"]) -> Tensor:
        """`input_ids` holds what was generated so far: the prompt was given as embeddings."""
        for row, ids in enumerate(input_ids.tolist()):
            scores[row].masked_fill_(self._forbidden(self.grammar.allowed(ids), scores), -torch.inf)
        return scores

    def _forbidden(self, allowed: Allowed, scores: Tensor) -> Tensor:
        mask = self.masks.get(allowed)
        if mask is None:
            mask = torch.full((scores.shape[1],), allowed.only is not None, device=scores.device)
            # An embedding matrix may be padded beyond the tokenizer: those rows are never an answer.
            mask[self.grammar.vocabulary.size :] = True
            listed = allowed.only if allowed.only is not None else allowed.never
            mask[torch.tensor(sorted(listed or ()), dtype=torch.long, device=scores.device)] = allowed.only is None
            self.masks[allowed] = mask
        return mask


@torch.inference_mode()
def generate(
    llm: PreTrainedModel, prompt: Float[Tensor, "length dim"], grammar: Grammar | None, decoding: Decoding
) -> list[int]:
    """The ids of the answer, end-of-sequence token left out.

    With a grammar, every token is one that it allows, and an answer that is cut at `max_new_tokens` is closed. Without
    one, the language model is on its own (parity with the released code).
    """
    eos_id = grammar.vocabulary.eos_id if grammar is not None else llm.generation_config.eos_token_id
    output = llm.generate(
        inputs_embeds=prompt[None],
        attention_mask=torch.ones(1, len(prompt), dtype=torch.long, device=prompt.device),
        max_new_tokens=decoding.max_new_tokens,
        num_beams=decoding.num_beams,
        do_sample=False,
        eos_token_id=eos_id,
        pad_token_id=eos_id,
        logits_processor=LogitsProcessorList([GrammarMask(grammar)] if grammar is not None else []),
    )
    ids: list[int] = output[0].tolist()
    if eos_id in ids:
        return ids[: ids.index(eos_id)]
    return ids + (grammar.closing(ids) if grammar is not None else [])
