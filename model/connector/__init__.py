"""From encoder frames to the tokens that the language model hears.

Axes, in every file: batch, frames (20 ms), windows (17 frames, 0.34 s), tokens (after merging), heads, dim.
"""
