"""A step that checks several tokens of each greedy answer at once."""

from collections.abc import Callable
from collections.abc import Sequence as Items

from model.engine.decode import Decoder
from model.engine.drafts import Drafter
from model.engine.masks import GrammarMasks
from model.engine.sampling import choose
from model.engine.search import Path
from model.engine.sequence import Sequence
from model.engine.slots import Region

MOST_DRAFTED = 7
STEP_TOKENS = 32
"""Tokens that a step with drafts may compute for all sequences together. Up to about this many, a CPU takes hardly
longer than for one per sequence."""


def draft(drafter: Drafter, sequences: Items[Sequence], length: int) -> bool:
    """Draft the next tokens of the greedy paths among sequences of one width. Return whether there is a draft.

    Args:
        drafter: guesses the tokens.
        sequences: in slots of `length` entries, which bound the drafts.
        length: see there.
    """
    room = min(length - sequence.num_entries for sequence in sequences) - 1
    most = min(MOST_DRAFTED, STEP_TOKENS // len(sequences) - 1, room)
    if most < 1:
        return False
    for sequence in sequences:
        path = sequence.search
        if isinstance(path, Path) and not path.is_drawn:
            path.draft = drafter.draft(path.last_two, path.state, path.grammar, most)
    return any(sequence.num_inputs > sequence.width for sequence in sequences)


def check_drafts(
    decoder: Decoder, masks: GrammarMasks, sequences: Items[Sequence], region: Region, bucket: Callable[[int], int]
) -> None:
    """Compute one step that checks the drafts of the paths in a region, and continue or end them.

    `bucket` rounds a number of entries up to one that attention reads.
    """
    most = max(sequence.num_inputs for sequence in sequences)
    inputs = decoder.draft_inputs(sequences, region, bucket(max(s.num_entries for s in sequences) + most))
    logits = decoder.forward(inputs, region.first, region.last)
    before = [sequence.search.num_tokens for sequence in sequences]
    choose(sequences, logits, masks)
    for sequence, num_tokens in zip(sequences, before, strict=True):
        decoder.keep(sequence, sequence.search.num_tokens - num_tokens)
