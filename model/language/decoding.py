"""How an answer is searched for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """The caller's choices for one answer.

    Raises:
        ValueError: values that no search has, or sampling with several beams.
    """

    num_beams: int = 1
    """1 is greedy, or sampling."""
    max_new_tokens: int = 300
    """Tokens after which an answer is cut (and closed by the grammar). Source: paper, Table 5, max text length."""
    temperature: float = 0.0
    """0 takes the likeliest token; above, tokens are drawn."""
    top_p: float = 1.0
    """Tokens are drawn from the likeliest ones that have this much probability together."""
    seed: int | None = None
    """With the same seed the same tokens are drawn, whatever else is decoded beside; None is a new one each time."""

    def __post_init__(self) -> None:
        if self.num_beams < 1 or self.max_new_tokens < 1:
            raise ValueError(f"num_beams and max_new_tokens are at least 1: {self}.")
        if self.temperature < 0 or not 0 < self.top_p <= 1:
            raise ValueError(f"temperature is at least 0, and top_p above 0 and at most 1: {self}.")
        if self.temperature > 0 and self.num_beams > 1:
            raise ValueError("Tokens are drawn along one beam: set temperature to 0, or num_beams to 1.")
