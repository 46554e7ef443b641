"""The default limit on the length of an answer."""

SAMPLES = 30 * 16_000
"""Samples in a segment; equal to `model.audio.segment.SEGMENT_SAMPLES`, which needs NumPy."""


def answer_tokens(num_samples: int, each: int = 300) -> int:
    """Return `each` tokens per 30 s, or part of it, of a recording: two and a half minutes of news have 20 sections.

    Args:
        num_samples: samples in the recording, at 16 kHz.
        each: tokens per 30 s. Source: paper, Table 5, max text length.
    """
    return each * max(1, -(-num_samples // SAMPLES))
