"""How the time encoding learns every second of the clock, and not only those at which something began.

A row of W_t (Eq. 3) is learned from the recordings that reach its window, each row by itself: those of the second
minute, which few recordings reach, hardly ever. While it trains, a row is the sum of one vector for each digit of its
window's time and of something of its own; and a linear map reads those digits from every token. What is saved is rows
as before, so the model stays the paper's. Not in the paper, see DECISIONS.md.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from model.connector.qformer import Attended
from model.connector.time_encoding import TimeEncoding
from training.data.timelines import WINDOW_SAMPLES, Edges

DIGITS = 10
PLACES = (1600 * 1000, 1600 * 100, 1600 * 10, 1600)
"""Samples in hundreds of seconds, tens, ones and tenths."""


def clock_digits(first: int, count: int) -> Int[Tensor, "count places"]:
    """The digits of the times at which windows begin: hundreds of seconds, tens, ones, tenths."""
    start = (first + torch.arange(count)) * WINDOW_SAMPLES
    return torch.stack([start // place % DIGITS for place in PLACES], dim=1)


class DigitRows(nn.Module):
    """Rows to which one vector is added for each digit of their windows' times."""

    digits: Tensor

    def __init__(self, num_rows: int, dim: int) -> None:
        super().__init__()
        self.shared = nn.Parameter(torch.zeros(len(PLACES), DIGITS, dim))
        self.register_buffer("digits", clock_digits(0, num_rows), persistent=False)

    def forward(self, own: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows dim"]:
        """The rows as they are added to frames."""
        return own + sum(self.shared[place][self.digits[:, place]] for place in range(len(PLACES)))


def share_digits(encoding: TimeEncoding) -> None:
    """Let the rows of `encoding` share their digits' vectors from here on."""
    parametrize.register_parametrization(encoding, "weight", DigitRows(*encoding.weight.shape))


def settle_digits(encoding: TimeEncoding) -> None:
    """Make the rows plain ones again, as a checkpoint has them; they keep their values."""
    parametrize.remove_parametrizations(encoding, "weight")


class ClockReader(nn.Module):
    """A linear map that reads times from tokens; it is thrown away.

    It reads of each token when its window begins, and where an event begins also when it does so and when it ends: so
    the Q-Former's self-attention finds the end that belongs to a beginning, which a small language model does not.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, 3 * len(PLACES) * DIGITS)

    def loss(
        self,
        segments: Sequence[tuple[Float[Tensor, "batch _ dim"], Attended]],
        first_window: int,
        edges: Sequence[Edges],
    ) -> Float[Tensor, ""]:
        """The mean of three cross-entropies of a digit, from the tokens before they are merged.

        Args:
            first_window: the number of the first token's window.
            edges: of each recording of the batch.
        """
        tokens = torch.cat([part for part, _ in segments], dim=1)
        logits = self.linear(tokens).float().unflatten(-1, (3, len(PLACES), DIGITS))
        of_window, of_begin, of_end = logits.unbind(dim=2)
        window = clock_digits(first_window, tokens.shape[1]).expand(len(tokens), -1, -1)
        loss = functional.cross_entropy(of_window.flatten(0, 2), window.flatten())
        rows = torch.cat([torch.full((len(e.windows),), row) for row, e in enumerate(edges)])
        places = torch.cat([torch.from_numpy(e.windows) for e in edges])
        if len(places):
            for said, wanted in ((of_begin, [e.begin for e in edges]), (of_end, [e.end for e in edges])):
                digits = torch.from_numpy(np.concatenate(wanted))
                loss = loss + functional.cross_entropy(said[rows, places].flatten(0, 1), digits.flatten())
        return loss / 3
