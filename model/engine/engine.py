"""`SlotEngine`: batched decoding of sequences that join and leave between steps, for all kinds of search."""

import time
from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import PreTrainedModel

from model.engine.cache import allocate
from model.engine.decode import Decoder, LanguageModel
from model.engine.drafting import check_drafts, draft
from model.engine.drafts import Drafter
from model.engine.fair_queue import FairQueue
from model.engine.graphs import StaticSteps
from model.engine.masks import GrammarMasks
from model.engine.memory import in_halves, slots_that_fit
from model.engine.prefill import batches, num_new_tokens, prefill
from model.engine.sampling import choose
from model.engine.sequence import Prefix, Sequence
from model.engine.slots import Slots
from model.errors import ContextTooLong, OutOfMemory
from model.language.decoding import Decoding
from model.timeline.grammar import Grammar

CPU_LENGTH_STEP = 64
CUDA_LENGTH_STEP = 256
CUDA_WIDTHS = (1, 4)
"""1 for greedy decoding, 4 is the reference's number of beams. Other widths run without graphs."""


class SlotEngine:
    """Decodes many sequences with one language model. Not thread-safe: use it from one thread.

    Args:
        llm: any causal language model of the library.
        num_slots: sequences decoded at the same time; as many as fit in device memory if None.
        length: tokens per slot, for prompt, answer and dropped beams; fewer if the model's context is shorter.
        most_beams: largest number of beams.
        prefill_tokens: most prompt tokens per step, which limits how long the running sequences wait.
        length_step: attention reads slots up to a multiple of this many entries; chosen by device if None.
        static_widths: numbers of beams whose steps run at fixed shapes, as CUDA graphs; chosen by device if None.

    Attributes:
        drafter: drafts the next tokens of greedy answers; None if each step computes one token, as with graphs.
    """

    def __init__(
        self,
        llm: PreTrainedModel,
        *,
        num_slots: int | None = None,
        length: int = 1024,
        most_beams: int = 8,
        prefill_tokens: int = 2048,
        length_step: int | None = None,
        static_widths: tuple[int, ...] | None = None,
    ) -> None:
        model = LanguageModel(llm)
        is_cuda = model.device.type == "cuda"
        # Sliding-window attention equals full attention, which this engine computes, only within the window.
        reaches = (model.config.max_position_embeddings, getattr(model.config, "sliding_window", None))
        self.length = min(length, *(reach for reach in reaches if reach))
        device, dtype = model.device, model.dtype
        if num_slots is None:
            num_slots = slots_that_fit(model.config, self.length, device=device, dtype=dtype)
        self.most_beams, self.num_steps = most_beams, 0
        static_widths = (CUDA_WIDTHS if is_cuda else ()) if static_widths is None else static_widths
        allocated = num_slots + 1 if static_widths else num_slots
        states = allocate(model.config, allocated, self.length, device=device, dtype=dtype)
        visible = torch.zeros(allocated, most_beams, self.length, dtype=torch.bool, device=device)
        self._decoder = Decoder(model, states, visible)
        self._masks = GrammarMasks(model.num_logits, num_slots * most_beams, device=device)
        self._slots = Slots(num_slots, self._move)
        self._waiting: FairQueue[Prefix, Sequence] = FairQueue()
        self._prefill_tokens = prefill_tokens
        self._length_step = length_step or (CUDA_LENGTH_STEP if is_cuda else CPU_LENGTH_STEP)
        lengths = sorted({self._bucket(entries) for entries in range(1, self.length + 1)})
        self.drafter = None if static_widths else Drafter()  # a graph has one shape, without room for drafts
        self._static = StaticSteps(self._decoder, static_widths, lengths) if static_widths else None

    @property
    def embed(self) -> torch.nn.Module:
        """The language model's embedding module."""
        module: torch.nn.Module = self._decoder.model.embed
        return module

    @property
    def num_slots(self) -> int:
        """Number of sequences that can be decoded at the same time."""
        return self._slots.num_slots

    @property
    def num_free(self) -> int:
        """Number of free slots."""
        return self._slots.num_free

    @property
    def num_running(self) -> int:
        """Number of sequences that have a slot."""
        return len(self._slots.live)

    @property
    def num_waiting(self) -> int:
        """Number of sequences that wait for a slot."""
        return len(self._waiting)

    def add(
        self, prefix: Prefix, suffix: Float[Tensor, "tokens dim"], decoding: Decoding, grammar: Grammar | None = None
    ) -> Sequence:
        """Queue a sequence for a slot. A grammar restricts every token, and closes an answer that is cut.

        The room in the slot limits the length of an answer. A beam search ends early if its beams fill the slot, even
        after dead beams are dropped.

        Raises:
            ContextTooLong: the prompt leaves no room for an answer.
            ValueError: more beams than `most_beams`.
        """
        if decoding.num_beams > self.most_beams:
            raise ValueError(f"num_beams must be at most {self.most_beams}, not {decoding.num_beams}.")
        eos_ids = self._decoder.model.eos_ids if grammar is None else frozenset({grammar.vocabulary.eos_id})
        sequence = Sequence(prefix, suffix, decoding, grammar, eos_ids)
        room = self.length - sequence.num_prompt_tokens
        if room < 1:
            raise ContextTooLong(limit=self.length, length=sequence.num_prompt_tokens)
        sequence.search.limit = min(sequence.search.limit, room)
        prefix.num_waiting += 1
        self._waiting.add(prefix, sequence)
        return sequence

    def cancel(self, sequence: Sequence) -> None:
        """Drop a sequence in any state. Its slot is free at once."""
        if sequence.slot >= 0:
            self._slots.leave(sequence)
        elif not sequence.is_ended:
            self._waiting.take(sequence.prefix, sequence)
            sequence.prefix.num_waiting -= 1
            sequence.prefix.drop_unneeded()

    @torch.inference_mode()
    def step(self) -> list[Sequence]:
        """Prefill waiting sequences, then compute one token (per beam) for all. Return the sequences that ended."""
        began = time.perf_counter()
        ended = self._prefill()
        ended += self._decode()
        seconds = time.perf_counter() - began
        shared_by = [*self._slots.live, *ended]
        for sequence in shared_by:
            sequence.seconds += seconds / len(shared_by)
        now = time.monotonic()
        for sequence in ended:
            sequence.ended_s = now
        self.num_steps += 1
        return ended

    def run(self, sequences: Iterable[Sequence]) -> None:
        """Step until all these sequences have ended."""
        waiting = {sequence for sequence in sequences if not sequence.is_ended}
        while waiting:
            waiting.difference_update(self.step())

    def _prefill(self) -> list[Sequence]:
        """Prefill free slots up to the token budget, in several rounds: some sequences wait for a shared prefix."""
        ended: list[Sequence] = []
        budget, is_first = self._prefill_tokens, True
        while entered := self._entrants(budget, is_first=is_first):
            budget, is_first = budget - sum(map(num_new_tokens, entered)), False
            for sequence in entered:
                self._waiting.take(sequence.prefix, sequence)
                sequence.prefix.num_waiting -= 1
                self._slots.enter(sequence)
                sequence.entered_s = time.monotonic()
            for batch in batches(entered):
                self._prefill_batch(batch)
            for sequence in entered:
                sequence.prefix.drop_unneeded()
                sequence.prompted_s = time.monotonic()
            ended += self._release_ended()
        return ended

    def _entrants(self, budget: int, *, is_first: bool) -> list[Sequence]:
        """Choose sequences, in turn by recording, that fit the free slots and budget; at least one if `is_first`."""
        chosen: list[Sequence] = []
        begun: set[Prefix] = set()
        for prefix, sequence in self._waiting.in_turn():
            cost = num_new_tokens(sequence)
            if len(chosen) == self.num_free or (cost > budget and (chosen or not is_first)):
                break
            if prefix.states is None:
                if prefix in begun:
                    continue  # another sequence in this round computes the prefix
                begun.add(prefix)
            chosen.append(sequence)
            budget -= cost
        return chosen

    def _prefill_batch(self, batch: list[Sequence]) -> None:
        results = in_halves(lambda part: list(prefill(self._decoder, part)), batch)
        by_width: dict[int, list[tuple[Sequence, Tensor]]] = {}
        for sequence, result in zip(batch, results, strict=True):
            if isinstance(result, OutOfMemory):
                sequence.error = result
            else:
                by_width.setdefault(sequence.width, []).append((sequence, result))
        for width, pairs in by_width.items():
            sequences, rows = zip(*pairs, strict=True)
            choose(sequences, torch.stack(rows)[:, None].expand(-1, width, -1), self._masks)

    def _decode(self) -> list[Sequence]:
        for sequence in self._slots.live:
            if sequence.width > 1:
                self._make_room(sequence)
        ended = self._release_ended()
        for region in self._slots.regions():
            sequences = self._slots.live[region.first : region.last]
            drafted = draft(self.drafter, sequences, self.length, self._decoder.model.dtype) if self.drafter else 1
            length = self._bucket(max(s.num_entries for s in sequences) + max(drafted, region.width))
            if drafted > 1:
                check_drafts(self._decoder, self._masks, sequences, region, drafted, length)
                continue
            inputs = self._decoder.inputs(sequences, region, length)
            logits = self._static.run(inputs) if self._static is not None and region.first == 0 else None
            if logits is None:
                logits = self._decoder.forward(inputs, region.first, region.last)
            for sequence in sequences:
                sequence.num_entries += region.width
            choose(sequences, logits, self._masks)
        return ended + self._release_ended()

    def _make_room(self, sequence: Sequence) -> None:
        """Drop dead beams before attention has to read a longer length; end the search if the slot is still full."""
        if sequence.num_entries + sequence.width > self._bucket(sequence.num_entries):
            self._decoder.collect(sequence)
            if sequence.num_entries + sequence.width > self.length:
                sequence.completion = sequence.search.finish()

    def _bucket(self, entries: int) -> int:
        return min(self.length, -(-entries // self._length_step) * self._length_step)

    def _release_ended(self) -> list[Sequence]:
        for sequence in (ended := [sequence for sequence in self._slots.live if sequence.is_ended]):
            if self.drafter and sequence.completion:
                self.drafter.learn(sequence.completion.ids)
            self._slots.leave(sequence)
        return ended

    def _move(self, source: int, target: int) -> None:
        self._decoder.move(source, target, self._slots.live[source].num_entries)
