"""An answer being written, and what stands before it."""

from jaxtyping import Float
from torch import Tensor

from model.engine.beams import BeamSearch
from model.engine.cache import States
from model.engine.search import Completion, Path
from model.errors import TimeAudioError
from model.language.decoding import Decoding
from model.timeline.grammar import Grammar


class Prefix:
    """The beginning that several prompts have in common: the words before a recording, and its audio tokens.

    It is computed with the first of them that gets a slot, and kept while others wait.

    Attributes:
        embeds: float [tokens, dim].
        states: its keys and values, [layers, 2, 1, heads, tokens, head_dim], while they are kept.
        num_waiting: sequences that need it and have no slot yet.
    """

    def __init__(self, embeds: Float[Tensor, "tokens dim"]) -> None:
        self.embeds = embeds
        self.states: States | None = None
        self.num_waiting = 0

    def __len__(self) -> int:
        return len(self.embeds)

    def drop_unneeded(self) -> None:
        """Keep its keys and values no longer than somebody waits for them."""
        if not self.num_waiting:
            self.states = None


class Sequence:
    """One answer on its way through the engine.

    Attributes:
        prefix, suffix: its prompt, as embeddings.
        search: its tokens.
        slot: where it lives; -1 before and after.
        num_entries: places of its slot that are taken, by the prompt and by tokens of beams that may be dead by now.
        completion: once it is written to its end.
        error: why it will never be.
        seconds: its share of the time of all steps that it was part of.
        entered_s, prompted_s, ended_s: when it got its slot, its first token and its last, on the monotonic clock.
    """

    def __init__(
        self,
        prefix: Prefix,
        suffix: Float[Tensor, "tokens dim"],
        decoding: Decoding,
        grammar: Grammar | None,
        eos_ids: frozenset[int],
    ) -> None:
        self.prefix = prefix
        self.suffix = suffix
        kind = Path if decoding.num_beams == 1 else BeamSearch
        self.search: Path | BeamSearch = kind(decoding, grammar, eos_ids)
        self.slot = -1
        self.num_entries = 0
        self.completion: Completion | None = None
        self.error: TimeAudioError | None = None
        self.seconds = 0.0
        self.entered_s = self.prompted_s = self.ended_s = 0.0

    @property
    def width(self) -> int:
        """Tokens that a step computes for it: one per beam."""
        return self.search.width

    @property
    def num_prompt_tokens(self) -> int:
        """Tokens of its prompt."""
        return len(self.prefix) + len(self.suffix)

    @property
    def position(self) -> int:
        """The position of the tokens that the next step is given."""
        return self.num_prompt_tokens + self.search.num_tokens - 1

    @property
    def is_ended(self) -> bool:
        """Whether nothing more will become of it."""
        return self.completion is not None or self.error is not None
