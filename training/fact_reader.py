"""How the connector learns to bring what a spoken section tells to the token in which it begins.

A small language model looks up a section's words where its time is (DECISIONS.md, 50); the facts are told seconds
later, and the Q-Former's self-attention has to fetch them. From the answers alone it learns that late, and where to
look is what it learns last: so a head of the last layer is shown it for who, one for did, one for where.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from model.connector.qformer import Attended
from training.data.answers import SECTION
from training.data.bulletins import FACT_NAMES, FACT_PLACES, FACTS
from training.data.composer import PlacedEvent
from training.data.timelines import WINDOW_SAMPLES, Timeline

SIZES = [len(values) for values in FACTS.values()]
"""How many values answer who, did and where: a timeline's last numbers, in this order."""

QUIET_WEIGHT = 0.05
"""Of the map's silence where no section begins, against 1 for what it says where one does."""


class FactReader(nn.Module):
    """Linear maps that read facts from tokens.

    One reads, where a section begins, who did what and where, and nothing elsewhere: so it can become a part of the
    projection. One reads, where a fact is being told, which: fetching it is learned once it can be found. That map is
    thrown away.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.of_section = nn.Linear(dim, len(FACT_NAMES))
        self.here = nn.Linear(dim, len(FACT_NAMES))

    def loss(
        self,
        segments: Sequence[tuple[Float[Tensor, "batch _ dim"], Attended]],
        timelines: Sequence[Timeline],
        events: Sequence[Sequence[PlacedEvent]],
        matrices: Sequence[Float[Tensor, "batch heads _ _"]],
    ) -> Float[Tensor, ""]:
        """The mean of both maps' cross-entropies of a fact, from the tokens before they are merged, and of fetching.

        Args:
            timelines: of each recording of the batch: who did what and where, by section.
            events: of each: sections and when facts are told, in samples from the first window.
            matrices: the last self-attention's, of each segment.
        """
        tokens = torch.cat([part for part, _ in segments], dim=1)
        told = torch.from_numpy(np.stack([timeline.told[:, -len(FACT_NAMES) :] for timeline in timelines]))
        said = self.of_section(tokens).float()
        losses = []
        for logits, wanted in zip(said.split(SIZES, dim=2), told.split(SIZES, dim=2), strict=True):
            at = wanted.any(dim=2)
            losses.append(functional.cross_entropy(logits[at], wanted[at].argmax(dim=1), reduction="sum"))
        of_section = torch.stack(losses).sum() / told.sum().clamp(min=1)
        of_section = of_section + QUIET_WEIGHT * _said(said[~told.any(dim=2)])
        rows, windows, facts = _told_where(events, tokens.shape[1])
        here = functional.cross_entropy(self.here(tokens).float()[rows, windows], facts, reduction="sum")
        return (of_section + here / max(1, len(facts)) + not_fetched(matrices, events)) / 3

    def said(self, tokens: Float[Tensor, "batch windows dim"]) -> Float[Tensor, ""]:
        """How much it says of tokens that tell no fact: the mean square of its logits, of each question around 0."""
        return _said(self.of_section(tokens).float())

    @torch.no_grad()
    def join(self, projection: nn.Linear, words: Float[Tensor, "facts language_dim"]) -> None:
        """Let the projection say each fact that this reads, along the direction of its words, beside what it says.

        Of a question's logits only how they differ counts: where none is likelier, nothing is added.
        """
        projection.weight.add_(words.T @ _centred(self.of_section.weight, dim=0))
        projection.bias.add_(words.T @ _centred(self.of_section.bias, dim=0))


def _said(logits: Float[Tensor, "*batch facts"]) -> Tensor:
    return _centred(logits, dim=-1).square().mean()


def _centred(values: Tensor, dim: int) -> Tensor:
    """Each question's numbers around 0, along the dimension of facts."""
    return torch.cat([part - part.mean(dim, keepdim=True) for part in values.split(SIZES, dim)], dim)


@contextmanager
def attention_of(attention: nn.Module) -> Iterator[list[Tensor]]:
    """The matrices of what `attention` computes meanwhile, call by call."""
    seen: list[Tensor] = []
    hook = attention.register_forward_hook(lambda module, given, result: seen.append(result[1]))
    try:
        yield seen
    finally:
        hook.remove()


def not_fetched(
    matrices: Sequence[Float[Tensor, "batch heads _ _"]], events: Sequence[Sequence[PlacedEvent]]
) -> Float[Tensor, ""]:
    """How little a section's first window attends to those in which its facts are told: minus the mean logarithm.

    A fact that is told in another segment is not looked for.
    """
    losses, begin = [], 0
    for matrix in matrices:
        heads, count = matrix.shape[1:3]
        at, told = [], []
        for row, some in enumerate(events):
            for section, fact in _told_in(some):
                windows = range(_window(fact.start) - begin, _window(fact.end) - begin)
                inside = [window for window in windows if 0 <= window < count]
                first = section.start // WINDOW_SAMPLES - begin
                if inside and first < count:
                    head = (2 * list(FACTS).index(fact.kind.partition(":")[0]) + 1) * heads // (2 * len(FACTS))
                    at.append((row, head, max(0, first)))
                    told.append(np.isin(np.arange(count), inside))
        if at:
            mass = (matrix.float()[tuple(torch.tensor(at).T)] * torch.from_numpy(np.stack(told))).sum(dim=1)
            losses.append(-mass.clamp(min=1e-5).log())
        begin += count
    return torch.cat(losses).mean() if losses else torch.zeros(())


def _told_in(events: Sequence[PlacedEvent]) -> Iterator[tuple[PlacedEvent, PlacedEvent]]:
    """Each fact, and the section that tells it."""
    for section in events:
        if section.kind == SECTION:
            for fact in events:
                if fact.kind in FACT_PLACES and section.start <= fact.start < section.end:
                    yield section, fact


def _told_where(events: Sequence[Sequence[PlacedEvent]], num_windows: int) -> tuple[Tensor, Tensor, Tensor]:
    """Recordings, windows and facts: each fact stands in every window whose middle lies in its phrase."""
    found = [
        (row, window, FACT_PLACES[event.kind])
        for row, some in enumerate(events)
        for event in some
        if event.kind in FACT_PLACES
        for window in range(_window(event.start), min(_window(event.end), num_windows))
    ]
    rows, windows, facts = torch.tensor(found, dtype=torch.long).reshape(-1, 3).unbind(dim=1)
    return rows, windows, facts


def _window(sample: int) -> int:
    """The first window whose middle is not before the sample."""
    return -(-(sample - WINDOW_SAMPLES // 2) // WINDOW_SAMPLES)
