"""How long an answer may become where the caller does not say."""

SAMPLES = 30 * 16_000
"""Of a segment; equal to `model.audio.segment.SEGMENT_SAMPLES`, which needs NumPy."""


def answer_tokens(num_samples: int, each: int = 300) -> int:
    """So many tokens for each 30 s that a recording begins: two and a half minutes of news have 20 sections.

    Args:
        num_samples: of the recording, at 16 kHz.
        each: for 30 s. Source: paper, Table 5, max text length.
    """
    return each * max(1, -(-num_samples // SAMPLES))
