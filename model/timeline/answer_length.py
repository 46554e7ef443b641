"""The default limit on the length of an answer."""

SAMPLES = 30 * 16_000
"""Samples in a segment; equal to `model.audio.segment.SEGMENT_SAMPLES`, which needs NumPy."""


TOKENS_PER_SEGMENT = 300
"""Source: paper, Table 5, max text length."""


def answer_tokens(num_samples: int, each: int = TOKENS_PER_SEGMENT) -> int:
    """Return `each` tokens per 30 s, or part of it, of a recording: two and a half minutes of news have 20 sections.

    Args:
        num_samples: samples in the recording, at 16 kHz.
        each: tokens per 30 s.
    """
    return each * max(1, -(-num_samples // SAMPLES))
