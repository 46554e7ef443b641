"""An answer that is being generated, and the prompt prefix that it may share with others."""

from jaxtyping import Float
from torch import Tensor

from model.engine.beams import BeamSearch
from model.engine.cache import States
from model.engine.search import Completion, Path
from model.errors import TimeAudioError
from model.language.decoding import Decoding
from model.timeline.grammar import Grammar


class Prefix:
    """The prefix that several prompts share: the text before a recording, and its audio tokens.

    It is computed with the first prompt that gets a slot, and kept while others wait.

    Attributes:
        embeds: float [tokens, dim].
        states: its cached keys and values, [layers, 2, 1, heads, tokens, head_dim]; None if not cached.
        num_waiting: number of sequences that need it and have no slot yet.
    """

    def __init__(self, embeds: Float[Tensor, "tokens dim"]) -> None:
        self.embeds = embeds
        self.states: States | None = None
        self.num_waiting = 0

    def __len__(self) -> int:
        return len(self.embeds)

    def drop_unneeded(self) -> None:
        """Drop the cached keys and values if no sequence waits for them."""
        if not self.num_waiting:
            self.states = None


class Sequence:
    """One answer while the engine generates it.

    Attributes:
        prefix, suffix: the prompt, as embeddings.
        search: the search that chooses its tokens.
        slot: its slot; -1 before it gets one and after it leaves.
        num_entries: used entries of its slot: the prompt, and tokens of live and dead beams.
        completion: the finished answer; None until then.
        error: why it failed.
        seconds: its share of the time of all steps that it took part in.
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
        """Number of beams."""
        return self.search.width

    @property
    def num_inputs(self) -> int:
        """Number of tokens that the next step computes for it: one per beam, and its draft."""
        return self.width + len(self.search.draft.tokens)

    @property
    def num_prompt_tokens(self) -> int:
        """Number of tokens in its prompt."""
        return len(self.prefix) + len(self.suffix)

    @property
    def position(self) -> int:
        """Position of the input tokens of the next step."""
        return self.num_prompt_tokens + self.search.num_tokens - 1

    @property
    def is_ended(self) -> bool:
        """Whether it is complete or has failed."""
        return self.completion is not None or self.error is not None
