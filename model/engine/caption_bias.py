"""Choose the words of captions by evidence of what sounds in their intervals, one token after the other.

The captions that a checkpoint was trained to write form a trie. A caption's weight is how much the audio tokens of its
intervals resemble the sound that it names, but no less than `KnownCaptions.floor`, the weight of any other text. A node
has the weight of the best caption below it, so the first word of a caption already counts what follows (look-ahead in a
lexical tree, Ortmanns et al. 1996). The differences along a path are added to the language model's logits (shallow
fusion).

Source: ours, docs/decisions/0047-evidence-in-captions.md.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from model.timeline.grammar import Phase, State
from model.timeline.interval import Interval

Similarities = Callable[[tuple[Interval, ...]], Sequence[float] | None]
"""Returns how much the audio tokens in intervals resemble each sound, or None if that is unknown."""


class Place(NamedTuple):
    """The place of a beam in the event that it is writing.

    Attributes:
        intervals: those of the event, as far as they are written.
        node: the node of the trie that its caption has reached; None outside the trie.
    """

    intervals: tuple[Interval, ...] = ()
    node: int | None = None


class CaptionTrie:
    """The known captions as a trie of token ids. Node 0 is the root, directly after an interval.

    Args:
        captions: the ids of each caption, with those between the last interval and the caption, and the number of the
            sound that it names.
        num_announcing: the number of ids between an interval and its caption.
    """

    def __init__(self, captions: Sequence[tuple[Sequence[int], int]], num_announcing: int) -> None:
        self.children: list[dict[int, int]] = [{}]
        self.sounds: list[set[int]] = [set()]
        self._depths = [0]
        self._num_announcing = num_announcing
        for ids, sound in captions:
            node = 0
            for token in ids:
                if token not in self.children[node]:
                    self.children[node][token] = len(self.children)
                    self.children.append({})
                    self.sounds.append(set())
                    self._depths.append(self._depths[node] + 1)
                self.sounds[node].add(sound)
                node = self.children[node][token]
            self.sounds[node].add(sound)

    def has_words(self, node: int) -> bool:
        """Whether the next token at a node is of a caption: not before it, nor after its last token."""
        return self._depths[node] >= self._num_announcing and bool(self.children[node])


class CaptionBias:
    """Weighs the next words of the captions of one answer.

    Args:
        trie: the known captions.
        similarities: of each sound that the captions name.
        weight: how much a similarity of 1 adds to a logit.
        floor: the lowest similarity, which any other text has.
    """

    def __init__(self, trie: CaptionTrie, similarities: Similarities, weight: float, floor: float) -> None:
        self._trie = trie
        self._similarities = similarities
        self._weight = weight
        self._floor = floor
        self._known: dict[tuple[Interval, ...], Sequence[float] | None] = {}

    def after(self, place: Place, before: State, token: int, state: State) -> Place:
        """Return the place after a token that took the grammar from one state to another."""
        if state.phase is Phase.CLOSED:
            return Place((*place.intervals, Interval(state.start, state.ended)), 0)
        if state.phase is Phase.START and before.phase is not Phase.START:
            return Place(place.intervals if before.owes_words else ())
        if place.node is None:
            return place
        return place._replace(node=self._trie.children[place.node].get(token))

    def apply(self, scores: Float[Tensor, " vocabulary"], place: Place) -> None:
        """Add the weights of the next tokens, less that of the place, to logits or log-probabilities, in place."""
        if place.node is None or not self._trie.has_words(place.node):
            return
        if place.intervals not in self._known:
            self._known[place.intervals] = self._similarities(place.intervals)
        similarities = self._known[place.intervals]
        if similarities is None:
            return
        here, other = self._weight_of(place.node, similarities), self._weight * self._floor
        children = self._trie.children[place.node]
        values = [self._weight_of(child, similarities) - other for child in children.values()]
        scores += other - here
        scores[list(children)] += torch.tensor(values, device=scores.device, dtype=scores.dtype)

    def _weight_of(self, node: int, similarities: Sequence[float]) -> float:
        return self._weight * max(self._floor, *(similarities[sound] for sound in self._trie.sounds[node]))
