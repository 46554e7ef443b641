"""How long an answer may become where the caller does not say."""

from model.timeline.interval import TENTHS_PER_SECOND

TOKENS, TENTHS = 300, 30 * TENTHS_PER_SECOND
"""Source: paper, Table 5, max text length, of recordings of about 30 s."""


def answer_tokens(duration: int) -> int:
    """300 tokens for each 30 s that a recording begins: two and a half minutes of news have 20 sections.

    Args:
        duration: of the recording. Units: tenths.
    """
    return TOKENS * max(1, -(-duration // TENTHS))
