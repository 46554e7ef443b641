"""From logits to the next tokens: on the device for all rows at once, and one copy to the host."""

from collections.abc import Sequence as Items

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from model.engine.beams import BeamSearch
from model.engine.masks import GrammarMasks
from model.engine.search import Path
from model.engine.sequence import Sequence
from model.timeline.grammar import Allowed


def choose(sequences: Items[Sequence], logits: Float[Tensor, "rows beams vocabulary"], masks: GrammarMasks) -> None:
    """Let each sequence of one width go on, or end, by the logits after its tokens."""
    forbidden = _forbidden(sequences, masks)
    if sequences[0].width == 1:
        _along_paths(sequences, logits[:, 0], forbidden)
    else:
        _along_beams(sequences, logits, forbidden)


def _forbidden(sequences: Items[Sequence], masks: GrammarMasks) -> Bool[Tensor, "_ vocabulary"] | None:
    width = sequences[0].width
    allowed: list[Allowed | None] = []
    for sequence in sequences:
        allowed += sequence.search.allowed() or [None] * width
    grammars = (s.search.grammar for s in sequences)
    return masks.forbidden(allowed, next((g.vocabulary for g in grammars if g is not None), None))


def _along_paths(
    sequences: Items[Sequence],
    logits: Float[Tensor, "rows vocabulary"],
    forbidden: Bool[Tensor, "rows vocabulary"] | None,
) -> None:
    norms = within = logits.logsumexp(dim=1)
    masked = logits
    if forbidden is not None:
        masked = logits.masked_fill(forbidden, -torch.inf)
        within = masked.logsumexp(dim=1)
    tokens = masked.argmax(dim=1)
    paths = [s.search for s in sequences if isinstance(s.search, Path)]
    if drawn := [row for row, path in enumerate(paths) if path.is_drawn]:
        rows = torch.tensor(drawn, device=logits.device)
        tokens[rows] = draw([paths[row] for row in drawn], masked[rows])
    picked = logits.gather(1, tokens[:, None])[:, 0]
    columns = torch.stack([tokens.double(), (picked - norms).double(), (picked - within).double()]).tolist()
    for sequence, path, token, own, in_grammar in zip(sequences, paths, *columns, strict=True):
        sequence.completion = path.take(int(token), own, in_grammar)


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
    sequences: Items[Sequence],
    logits: Float[Tensor, "rows beams vocabulary"],
    forbidden: Bool[Tensor, "_ vocabulary"] | None,
) -> None:
    searches = [s.search for s in sequences if isinstance(s.search, BeamSearch)]
    scores = torch.tensor([search.scores for search in searches], device=logits.device)
    num_logits, most = logits.shape[2], max(search.num_candidates for search in searches)
    log_probs = masked = logits.log_softmax(dim=2)
    within = torch.zeros_like(scores)  # what the allowed ones have in all, as a logarithm
    if forbidden is not None:
        masked = log_probs.masked_fill(forbidden.view_as(log_probs), -torch.inf)
        within = masked.logsumexp(dim=2)
    best, places = (masked + scores[:, :, None]).flatten(1).topk(most, dim=1)
    parents, tokens = places // num_logits, places % num_logits
    own = log_probs.flatten(1).gather(1, places)
    in_grammar = own - within.gather(1, parents)
    columns = torch.stack([tensor.double() for tensor in (best, tokens, parents, own, in_grammar)], dim=1).tolist()
    for sequence, search, (best_, tokens_, parents_, own_, in_grammar_) in zip(
        sequences, searches, columns, strict=True
    ):
        count = search.num_candidates
        sequence.completion = search.take(
            best_[:count],
            [int(token) for token in tokens_[:count]],
            [int(parent) for parent in parents_[:count]],
            own_[:count],
            in_grammar_[:count],
        )
