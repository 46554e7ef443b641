"""Selects the next tokens from logits, on the device for all rows at once, with one copy to the host."""

from collections.abc import Sequence as Items
from itertools import zip_longest

import torch
from jaxtyping import Float, Int
from torch import Tensor

from model.engine.beams import BeamSearch
from model.engine.drafts import NO_DRAFT
from model.engine.masks import GrammarMasks
from model.engine.search import Completion, Path
from model.engine.sequence import Sequence


def choose(sequences: Items[Sequence], logits: Float[Tensor, "rows beams vocabulary"], masks: GrammarMasks) -> None:
    """Continue or end each sequence, given the logits after its tokens. All sequences have the same width.

    For a path, the logits are those after its last token and after each token of its draft, padded.
    """
    if sequences[0].width == 1:
        _along_paths(sequences, logits, masks)
    else:
        _along_beams(sequences, logits, masks)


def restricted(
    sequences: Items[Sequence], scores: Float[Tensor, "rows beams vocabulary"], masks: GrammarMasks
) -> Float[Tensor, "rows beams vocabulary"]:
    """In logits or log-probabilities, set the tokens that grammars forbid to -inf, and add the biases of the searches.

    Without grammars and biases, return the same tensor.
    """
    forbidden = masks.forbidden([sequence.search for sequence in sequences], scores.shape[1])
    left = scores if forbidden is None else scores.masked_fill(forbidden.view_as(scores), -torch.inf)
    for row, sequence in enumerate(sequences):
        if sequence.search.has_bias:
            left = left.clone() if left is scores else left
            sequence.search.bias(left[row])
    return left


def _along_paths(
    sequences: Items[Sequence], logits: Float[Tensor, "rows tokens vocabulary"], masks: GrammarMasks
) -> None:
    left = restricted(sequences, logits, masks)
    tokens = left.argmax(dim=2)
    paths = [s.search for s in sequences if isinstance(s.search, Path)]
    if drawn := [row for row, path in enumerate(paths) if path.is_drawn]:
        rows = torch.tensor(drawn, device=logits.device)
        tokens[rows, 0] = draw([paths[row] for row in drawn], left[rows, 0])
    # log_softmax is several times faster than logsumexp.
    own = logits.log_softmax(dim=2).gather(2, tokens[:, :, None])[:, :, 0]
    within = own if left is logits else left.log_softmax(dim=2).gather(2, tokens[:, :, None])[:, :, 0]
    found = torch.stack([tokens.double(), own.double(), within.double()], dim=2)
    for sequence, path, row in zip(sequences, paths, found.tolist(), strict=True):
        sequence.completion = _take(path, [(int(token), *both) for token, *both in row])


def _take(path: Path, choices: Items[tuple[int, float, float]]) -> Completion | None:
    """Take the model's choices after a path's last token and after its draft, as far as the draft agrees with them."""
    draft, path.draft = path.draft.tokens, NO_DRAFT
    for (token, own, within), guess in zip_longest(choices[: 1 + len(draft)], draft):
        completion = path.take(token, own, within)
        if completion is not None or token != guess:
            return completion
    return None


COLDEST, HOTTEST = 1e-4, 1e4
"""Temperatures beyond these change nothing more, but their quotients are not finite."""


def draw(paths: Items[Path], logits: Float[Tensor, "rows vocabulary"]) -> Int[Tensor, " rows"]:
    """Sample one token per row: invert the cumulative distribution, most likely token first, at its random number."""
    settings = [[p.decoding.temperature, p.decoding.top_p, p.draw()] for p in paths]
    temperature, top_p, number = torch.tensor(settings, device=logits.device)[:, :, None].unbind(dim=1)
    scaled = (logits - logits.amax(dim=1, keepdim=True)) / temperature.clamp(COLDEST, HOTTEST)
    probabilities, order = scaled.softmax(dim=1).sort(dim=1, descending=True, stable=True)
    before = probabilities.cumsum(dim=1) - probabilities
    kept = probabilities.where(before < top_p, 0.0)
    kept[:, 0] = probabilities[:, 0]  # also if `top_p` is 0 in this precision
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
    left = restricted(sequences, log_probs, masks)
    best, places = (left + scores[:, :, None]).flatten(1).topk(most, dim=1)
    own = log_probs.flatten(1).gather(1, places)
    within = own if left is log_probs else left.log_softmax(dim=2).flatten(1).gather(1, places)
    found = torch.stack([column.double() for column in (best, places, own, within)], dim=1)
    for sequence, search, columns in zip(sequences, searches, found.tolist(), strict=True):
        best_, places_, own_, within_ = (column[: search.num_candidates] for column in columns)
        parents, tokens = zip(*(divmod(int(place), num_logits) for place in places_), strict=True)
        sequence.completion = search.take(best_, tokens, parents, own_, within_)
