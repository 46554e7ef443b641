"""Decoding options of one answer."""

import math
from dataclasses import dataclass, replace

from model.timeline.answer_length import answer_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """Decoding options that the caller chooses for one answer.

    Raises:
        ValueError: a value is out of range, or sampling is combined with several beams.
    """

    num_beams: int = 1
    """1 means greedy decoding or sampling."""
    max_new_tokens: int | None = None
    """The answer is cut after this many tokens (and the grammar closes it). None: see `for_recording`."""
    temperature: float = 0.0
    """0 takes the most likely token; values above 0 sample."""
    top_p: float = 1.0
    """Sample from the most likely tokens whose probabilities add up to this much."""
    seed: int | None = None
    """The same seed samples the same tokens, whatever else is decoded in parallel; None picks a new seed each time."""

    def __post_init__(self) -> None:
        if self.num_beams < 1 or (self.max_new_tokens is not None and self.max_new_tokens < 1):
            raise ValueError(f"num_beams and max_new_tokens must be at least 1: {self}.")
        if not 0 <= self.temperature < math.inf or not 0 < self.top_p <= 1:
            raise ValueError(f"temperature must be finite and at least 0, and top_p above 0 and at most 1: {self}.")
        if self.temperature > 0 and self.num_beams > 1:
            raise ValueError("Sampling works with one beam only: set temperature to 0, or num_beams to 1.")

    def for_recording(self, num_samples: int) -> "Decoding":
        """Return the options with a limit on the answer: `answer_tokens` of the recording, unless there is one."""
        if self.max_new_tokens is not None:
            return self
        return replace(self, max_new_tokens=answer_tokens(num_samples))
