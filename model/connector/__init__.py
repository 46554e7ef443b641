"""From encoder frames to the language model's audio tokens.

Axis names in every file: batch, frames (20 ms), windows (17 frames, 0.34 s), tokens (after merging), heads, dim.
"""
