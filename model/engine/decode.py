"""Runs the language model over the slots: one decoding step of sequences in adjacent slots."""

import inspect
from collections.abc import Sequence as Items
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from transformers import Cache, PreTrainedModel

from model.engine.cache import DecodeView, States
from model.engine.sequence import Sequence
from model.engine.slots import Region


class LanguageModel:
    """Calls any causal language model of the library with masks that the engine has prepared."""

    def __init__(self, llm: PreTrainedModel) -> None:
        # Both of these add the mask to the scores; other kernels need other kinds of masks.
        if llm.config._attn_implementation not in ("sdpa", "eager"):
            llm.set_attn_implementation("sdpa")
        self.llm = llm
        self.config = llm.config.get_text_config()
        self.embed = llm.get_input_embeddings()
        self.device: torch.device = self.embed.weight.device
        self.dtype: torch.dtype = self.embed.weight.dtype
        self.num_logits: int = llm.get_output_embeddings().weight.shape[0]
        # The library renamed this parameter within version 5 and warns about the old name.
        self._cache = "cache" if "cache" in inspect.signature(llm.forward).parameters else "past_key_values"

    @property
    def eos_ids(self) -> frozenset[int]:
        """Return the ids that end an answer without a grammar."""
        ids = self.llm.generation_config.eos_token_id
        return frozenset(ids if isinstance(ids, list) else [] if ids is None else [ids])

    def __call__(
        self,
        embeds: Float[Tensor, "rows tokens dim"],
        positions: Int[Tensor, "rows tokens"],
        seen: Bool[Tensor, "_ tokens entries"],
        cache: Cache,
        keep: Int[Tensor, " kept"] | int = 0,
    ) -> Float[Tensor, "rows kept vocabulary"]:
        """Return float32 logits of the tokens at `keep`, or of all. `seen` marks what each token attends to."""
        mask = torch.zeros(seen.shape, dtype=self.dtype, device=seen.device).masked_fill_(~seen, -torch.inf)
        output = self.llm(
            inputs_embeds=embeds,
            attention_mask=mask[:, None],
            position_ids=positions,
            use_cache=True,
            logits_to_keep=keep,
            **{self._cache: cache},
        )
        logits: Tensor = output.logits
        return logits.float()


class StepInputs(NamedTuple):
    """Inputs of a step besides the cache: tokens, positions, where new entries go, and what each token attends to."""

    tokens: Int[Tensor, "rows beams"]
    positions: Int[Tensor, "rows 1"] | Int[Tensor, "rows beams"]
    slots: Int[Tensor, "rows 1"]
    places: Int[Tensor, "rows beams"]
    seen: Bool[Tensor, "rows beams entries"]


class Decoder:
    """Computes the next logits of all sequences of one width.

    The beams of a sequence share its slot: each step adds one entry per beam, and `visible` marks the entries that
    belong to a beam's history. Reordering beams permutes the rows of `visible`; keys and values do not move.

    Args:
        states: keys and values of all slots.
        visible: [slots, beams, length], the entries that each beam attends to.
    """

    def __init__(self, model: LanguageModel, states: States, visible: Bool[Tensor, "slots beams length"]) -> None:
        self.model = model
        self.states = states
        self.visible = visible

    def inputs(self, sequences: Items[Sequence], region: Region, length: int) -> StepInputs:
        """Return the inputs of a step that reads the first `length` entries of each slot in the region."""
        width = region.width
        numbers = torch.tensor(
            [[s.slot, s.position, s.num_entries, *s.search.tokens, *s.search.parents] for s in sequences],
            device=self.model.device,
        )
        slots, positions, used, tokens, parents = numbers.split([1, 1, 1, width, width], dim=1)
        places = used + torch.arange(width, device=numbers.device)
        seen = self.visible[region.first : region.last, :width, :length]
        if width > 1:
            reordered = seen.gather(1, parents[:, :, None].expand(-1, -1, length))
            seen.copy_(reordered)
        seen.scatter_(2, places[:, :, None], True)
        return StepInputs(tokens, positions, slots, places, seen)

    def draft_inputs(self, sequences: Items[Sequence], region: Region, most: int, length: int) -> StepInputs:
        """Return the inputs of a step that checks the drafts of paths, padded to `most` tokens with tokens of id 0.

        This does not mark the new entries as visible: `keep` marks those that the search takes.
        """
        rows = [[s.slot, s.position, s.num_entries, *s.search.tokens, *s.search.draft.tokens] for s in sequences]
        numbers = torch.tensor([row + [0] * (3 + most - len(row)) for row in rows], device=self.model.device)
        slots, positions, used, tokens = numbers.split([1, 1, 1, most], dim=1)
        after, entries = torch.arange(most, device=numbers.device), torch.arange(length, device=numbers.device)
        places = used + after
        is_new = (entries >= used[:, :, None]) & (entries <= places[:, :, None])
        seen = self.visible[region.first : region.last, :1, :length] | is_new
        return StepInputs(tokens, positions + after, slots, places, seen)

    def keep(self, sequence: Sequence, num_entries: int) -> None:
        """Mark the next entries of a path's slot as visible, and count them."""
        first = sequence.num_entries
        self.visible[sequence.slot, 0, first : first + num_entries] = True
        sequence.num_entries += num_entries

    def forward(self, inputs: StepInputs, first: int, last: int) -> Float[Tensor, "rows beams vocabulary"]:
        """Return the logits after each token, and store the new entries."""
        length = inputs.seen.shape[2]
        view = DecodeView(self.states, first, last, length, inputs.slots, inputs.places)
        positions = inputs.positions.expand_as(inputs.tokens)
        return self.model(self.model.embed(inputs.tokens), positions, inputs.seen, view)

    def collect(self, sequence: Sequence) -> None:
        """Drop the entries of the sequence's slot that no beam attends to any more, and compact the rest."""
        prompt, slot, used = sequence.num_prompt_tokens, sequence.slot, sequence.num_entries
        seen = self.visible[slot, : sequence.width, prompt:used]
        kept = seen[sequence.search.parents].any(dim=0).nonzero()[:, 0]
        end = prompt + len(kept)
        if end < used:
            self.states[:, :, slot, :, prompt:end] = self.states[:, :, slot, :, prompt + kept]
            seen[:, : len(kept)] = seen[:, kept]
            seen[:, len(kept) :] = False
            sequence.num_entries = end

    def move(self, source: int, target: int, length: int) -> None:
        """Copy the first `length` entries of one slot to another."""
        self.states[:, :, target, :, :length] = self.states[:, :, source, :, :length]
        self.visible[target] = self.visible[source]
