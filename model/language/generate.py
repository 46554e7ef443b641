"""Generates ids with the library's `generate`, without a grammar: the baseline that the slot engine is compared to."""

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import PreTrainedModel

from model.language.decoding import Decoding


@torch.inference_mode()
def generate(llm: PreTrainedModel, prompt: Float[Tensor, "length dim"], decoding: Decoding) -> list[int]:
    """Return the ids of the answer without the end-of-sequence token. No grammar applies, as in the released code."""
    assert decoding.max_new_tokens is not None, "the library needs a limit"
    eos_id: int | None = llm.generation_config.eos_token_id
    output = llm.generate(
        inputs_embeds=prompt[None],
        attention_mask=torch.ones(1, len(prompt), dtype=torch.long, device=prompt.device),
        max_new_tokens=decoding.max_new_tokens,
        num_beams=decoding.num_beams,
        do_sample=False,
        pad_token_id=0 if eos_id is None else eos_id,
    )
    ids: list[int] = output[0].tolist()
    return ids[: ids.index(eos_id)] if eos_id is not None and eos_id in ids else ids
