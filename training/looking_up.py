"""How the language model learns where to look for what a spoken section tells.

Each section's facts stand in the token in which it begins. In 30 s a small language model finds them there; in minutes,
among a dozen of such tokens, its answers alone teach it for thousands of steps without its looking at the right one. So
one head of a late layer is shown it, as heads of the Q-Former are (`training.fact_reader`). Not in the paper, see
DECISIONS.md.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from transformers import PreTrainedModel

from training.batch import IGNORED, Batch
from training.data.bulletins import FACT_NAMES
from training.data.composer import PlacedEvent
from training.data.tasks import told_sections
from training.data.timelines import WINDOW_SAMPLES, Timeline

HEAD = 1
"""Of the last layer but one: what it finds, the last layer turns into words."""


def shown(llm: PreTrainedModel) -> nn.Module:
    """The attention whose head is shown where to look."""
    layers = llm.get_decoder().layers
    attention: nn.Module = layers[max(0, len(layers) - 2)].self_attn
    return attention


def tellers(
    events: Sequence[PlacedEvent], timeline: Timeline, places: Int[Tensor, " tokens"]
) -> list[Int[np.ndarray, " some"]]:
    """Of each section that a summary tells: which tokens tell its facts.

    These are the tokens of the windows where it begins: once, or twice where a segment ends in it and facts are told in
    both. None, where merging did not keep them.

    Args:
        places: the windows that the tokens stand for.
    """
    first = places.numpy()
    tells = timeline.told[first, -len(FACT_NAMES) :].max(axis=1) > 0
    return [
        np.flatnonzero(tells & (first >= section.start // WINDOW_SAMPLES) & (first * WINDOW_SAMPLES < section.end))
        for section, _ in told_sections(events)
    ]


def not_looked_up(
    matrices: Sequence[Float[Tensor, "batch heads _ _"]],
    batches: Sequence[Batch],
    wanted: Sequence[Sequence[Int[np.ndarray, " some"]] | None],
    *,
    first_token: int,
    time_ids: Int[Tensor, " time"],
) -> Float[Tensor, ""]:
    """How little the words of a section's summary attend to the tokens that tell it: minus the mean logarithm.

    Args:
        matrices: of `shown`, of each batch.
        wanted: of each example its sections' tokens, counted from the first audio token; None where it is no summary.
        first_token: the position of the first audio token.
        time_ids: by which it is seen where a section's times end and its words begin.
    """
    losses = []
    for matrix, batch in zip(matrices, batches, strict=True):
        for row, example in enumerate(batch.examples):
            sections = wanted[example]
            if sections is None:
                continue
            at = torch.nonzero(batch.labels[row] != IGNORED)[:, 0]
            words = _words_of(torch.isin(batch.labels[row, at], time_ids))
            for inside, tokens in zip(words, sections, strict=True):
                if len(tokens):
                    looks = matrix[row, HEAD, at[inside]].float()
                    mass = looks[:, first_token + torch.from_numpy(tokens)].sum(dim=1)
                    losses.append(-mass.clamp(min=1e-5).log())
    return torch.cat(losses).mean() if losses else torch.zeros(())


def _words_of(is_time: Bool[Tensor, " answer"]) -> list[Int[Tensor, " some"]]:
    """Where the words of each section of a summary stand, but for the last: what follows every second time."""
    # Runs of equal kind: a time, " - ", a time, ", The mayor ...".
    ends = torch.nonzero(is_time[1:] != is_time[:-1])[:, 0] + 1
    runs = torch.arange(len(is_time)).tensor_split(ends)
    return [run[:-1] for run in runs[3::4]]
