"""Splitting frames into windows and windows into segments."""

import torch

from model.connector.connector import segment_sizes
from model.connector.window import num_windows, to_windows


def test_windows_cover_every_frame():
    for frames, windows in [
        (1, 1),
        (16, 1),
        (17, 1),
        (18, 2),
        (50, 3),
        (51, 3),
        (52, 4),
        (500, 30),
        (1499, 89),
        (1500, 89),
        (7500, 442),
    ]:
        assert num_windows(frames, 17) == windows


def test_a_window_has_seventeen_consecutive_frames():
    frames = torch.arange(40.0).view(1, 40, 1)
    windows, is_padding = to_windows(frames, 17)
    assert windows[0, 1, :, 0].tolist() == list(range(17, 34))
    assert windows[0, 2, :6, 0].tolist() == list(range(34, 40))
    assert is_padding.sum(dim=1).tolist() == [0, 0, 11]
    assert is_padding[2].tolist() == [False] * 6 + [True] * 11


def test_segments_are_even_and_cover_every_window():
    expected = {1: [1], 30: [30], 89: [89], 178: [89, 89], 442: [89, 89, 88, 88, 88]}
    assert {windows: segment_sizes(windows, 88) for windows in expected} == expected
