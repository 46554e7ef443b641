"""From logits to the next tokens: on the device for all rows at once, and one copy to the host."""

from collections.abc import Sequence as Items

import torch
from jaxtyping import Float, Int
from torch import Tensor

from model.engine.beams import BeamSearch
from model.engine.masks import GrammarMasks
from model.engine.search import Path
from model.engine.sequence import Sequence
from model.timeline.grammar import Allowed


def choose(sequences: Items[Sequence], logits: Float[Tensor, "rows beams vocabulary"], masks: GrammarMasks) -> None:
    """Let each sequence of one width go on, or end, by the logits after its tokens."""
    if sequences[0].width == 1:
        _along_paths(sequences, logits, masks)
    else:
        _along_beams(sequences, logits, masks)


def restricted(
    sequences: Items[Sequence], logits: Float[Tensor, "rows beams vocabulary"], masks: GrammarMasks
) -> tuple[Float[Tensor, "rows beams vocabulary"], Float[Tensor, "rows beams"]]:
    """What the grammars leave of logits, or of log-probabilities, and the logarithm of the sum of what is left."""
    width = sequences[0].width
    allowed: list[Allowed | None] = []
    for sequence in sequences:
        allowed += sequence.search.allowed() or [None] * width
    grammars = (s.search.grammar for s in sequences)
    forbidden = masks.forbidden(allowed, next((g.vocabulary for g in grammars if g is not None), None))
    left = logits if forbidden is None else logits.masked_fill(forbidden.view_as(logits), -torch.inf)
    return left, left.logsumexp(dim=2)


def _along_paths(sequences: Items[Sequence], logits: Float[Tensor, "rows 1 vocabulary"], masks: GrammarMasks) -> None:
    left, total = restricted(sequences, logits, masks)
    tokens = left.argmax(dim=2)
    paths = [s.search for s in sequences if isinstance(s.search, Path)]
    if drawn := [row for row, path in enumerate(paths) if path.is_drawn]:
        rows = torch.tensor(drawn, device=logits.device)
        tokens[rows, 0] = draw([paths[row] for row in drawn], left[rows, 0])
    picked = logits.gather(2, tokens[:, :, None])[:, :, 0]
    found = torch.cat([tokens.double(), (picked - logits.logsumexp(dim=2)).double(), (picked - total).double()], dim=1)
    for sequence, path, (token, own, within) in zip(sequences, paths, found.tolist(), strict=True):
        sequence.completion = path.take(int(token), own, within)


def draw(paths: Items[Path], logits: Float[Tensor, "rows vocabulary"]) -> Int[Tensor, " rows"]:
    """One token per row, at the place where its random number falls among the probabilities, likeliest first."""
    settings = [[p.decoding.temperature, p.decoding.top_p, p.draw()] for p in paths]
    temperature, top_p, number = torch.tensor(settings, device=logits.device)[:, :, None].unbind(dim=1)
    probabilities, order = (logits / temperature).softmax(dim=1).sort(dim=1, descending=True, stable=True)
    before = probabilities.cumsum(dim=1) - probabilities
    kept = probabilities.where(before < top_p, 0.0)
    reached = kept.cumsum(dim=1)
    place = (reached <= number * reached[:, -1:]).sum(dim=1, keepdim=True)
    return order.gather(1, place.minimum((kept > 0).sum(dim=1, keepdim=True) - 1))[:, 0]


def _along_beams(
    sequences: Items[Sequence], logits: Float[Tensor, "rows beams vocabulary"], masks: GrammarMasks
) -> None:
    searches = [s.search for s in sequences if isinstance(s.search, BeamSearch)]
    scores = torch.tensor([search.scores for search in searches], device=logits.device)
    num_logits, most = logits.shape[2], max(search.num_candidates for search in searches)
    log_probs = logits.log_softmax(dim=2)
    left, total = restricted(sequences, log_probs, masks)
    best, places = (left + scores[:, :, None]).flatten(1).topk(most, dim=1)
    parents, tokens = places // num_logits, places % num_logits
    own = log_probs.flatten(1).gather(1, places)
    found = torch.stack([t.double() for t in (best, tokens, parents, own, own - total.gather(1, parents))], dim=1)
    for sequence, search, columns in zip(sequences, searches, found.tolist(), strict=True):
        best_, tokens_, parents_, own_, within = (column[: search.num_candidates] for column in columns)
        sequence.completion = search.take(best_, list(map(int, tokens_)), list(map(int, parents_)), own_, within)
