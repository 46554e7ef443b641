"""Whether a timeline of speech says in the right place what was said.

ROUGE counts words: a summary with every town wrong shares most of its words with the right one.
"""

import re
from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

Span = tuple[float, float]


def facts_right(
    reference: Sequence[tuple[Span, Sequence[str]]], predicted: Sequence[tuple[Span, str]]
) -> list[tuple[str, bool]]:
    """Each fact of the reference's sections, and whether the answer has it right.

    Sections are matched one to one, so that the time in which they overlap is the greatest in sum; those that do not
    overlap are not matched. A fact, a phrase, is right where it stands, as whole words in capitals or not, in the text
    of the section that is matched with its own. So a fact in another section is wrong, and so are all but one section's
    where a single section covers several. What an answer says beyond the facts costs nothing here: that is ROUGE's.
    """
    matched: dict[int, str] = {}
    if reference and predicted:
        overlaps = np.array([[_overlap(ours, theirs) for theirs, _ in predicted] for ours, _ in reference])
        for row, column in zip(*linear_sum_assignment(overlaps, maximize=True), strict=True):
            if overlaps[row, column] > 0:
                matched[int(row)] = predicted[column][1]
    return [
        (fact, stands_in(fact, matched.get(place, ""))) for place, (_, facts) in enumerate(reference) for fact in facts
    ]


def stands_in(phrase: str, text: str) -> bool:
    """Whether a phrase is in a text, as whole words, whatever its capitals."""
    return re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text, re.IGNORECASE) is not None


def _overlap(one: Span, other: Span) -> float:
    return max(0.0, min(one[1], other[1]) - max(one[0], other[0]))
