"""The parts in which released checkpoints differ from ours: time index, segments and merging."""

import numpy as np
import pytest
import torch

from model.config import MergeConfig
from model.connector.merge_released import even_picks, merge_released, picks_of_scores, released_segment_sizes
from model.connector.released_index import OFF, measured_on, num_valid, released_index
from model.connector.time_encoding import TimeEncoding
from model.connector.window import to_windows

STEP = np.float32(0.333333)
LONG = [180 * 16_000]


def computed(numbers, device):
    """Compute like the released code. numpy's float32 follows IEEE on every machine."""
    product = numbers.astype(np.float32) * STEP
    return (product / STEP if device == "released_cpu" else product * (np.float32(1) / STEP)).astype(np.int64)


def test_the_listed_windows_are_those_that_float32_changes():
    numbers = np.arange(1, 768)
    for device, listed in OFF.items():
        changed = numbers[computed(numbers, device) != numbers]
        assert tuple(changed.tolist()) == listed
        assert set(changed - computed(changed, device)) == {1}


def test_windows_count_from_one_and_listed_or_late_ones_share_their_predecessors_row():
    row = released_index(100, LONG, 768, "released_cpu")[0].tolist()
    assert row[:3] == [1, 2, 3]
    assert row[94:99] == [95, 96, 96, 98, 99]
    assert released_index(100, LONG, 768, "released_cuda")[0, :6].tolist() == [1, 2, 2, 4, 5, 5]
    assert released_index(6, LONG, 4, "released_cpu").tolist() == [[1, 2, 3, 3, 3, 3]]


def test_windows_after_the_last_complete_label_step_get_row_zero():
    assert [num_valid(round(s * 16_000)) for s in (0.3, 0.4, 10, 62.3, 75)] == [0, 1, 30, 186, 225]
    assert [num_valid(n) for n in (666_665, 666_666)] == [124, 125], "41.666625 s is an exact multiple of 0.333333 s"
    rows = released_index(32, [160_000, 6_400], 768, "released_cpu")
    assert rows[0, 28:].tolist() == [29, 30, 0, 0]
    assert rows[1].tolist() == [1] + [0] * 31


def test_rows_that_are_still_zero_reveal_the_training_device():
    for device in OFF:
        rows = torch.zeros(768, 3)
        rows[released_index(88, LONG, 768, device).unique()] = 1.0
        assert measured_on(rows) == device
    assert measured_on(torch.zeros(768, 3)) == "released_cpu", "untrained rows reveal nothing"
    assert measured_on(torch.ones(768, 3)) == "released_cpu"


def test_the_encoding_adds_the_rows_of_each_recording():
    encoding = TimeEncoding(8, 2, "released_cpu")
    with torch.no_grad():
        encoding.weight += torch.arange(8.0)[:, None]
    added = encoding(torch.zeros(2, 4, 17, 2), num_samples=[16_000, 6_400])
    assert added[:, :, 0, 0].tolist() == [[1, 2, 3, 0], [1, 0, 0, 0]]
    assert added[0, 1].eq(2).all(), "the same row on all frames of a window"
    assert encoding(torch.zeros(1, 4, 17, 2))[0, :, 0, 0].tolist() == [1, 2, 3, 4], (
        "if the length is unknown, all windows are valid"
    )


def test_frames_after_the_last_complete_window_are_dropped():
    for frames, windows in [(16, 0), (17, 1), (33, 1), (34, 2), (1500, 88), (3112, 183)]:
        made, is_padding = to_windows(torch.arange(float(frames))[None, :, None], 17, drop_rest=True)
        assert made.shape[1] == windows
        assert not is_padding.any()
        assert made.flatten().tolist() == list(range(17 * windows))


def test_segments_are_equal_and_the_last_takes_the_remainder():
    for windows, sizes in [
        (1, [1]),
        (43, [43]),
        (44, [44]),
        (87, [87]),
        (88, [44, 44]),
        (183, [45, 45, 45, 48]),
        (264, [44] * 6),
    ]:
        assert released_segment_sizes(windows, 44) == sizes


def test_targets_are_evenly_spaced_and_joined_by_cosine_similarity():
    # Dominant: 1 and 4. The others are 0, 2, 3, 5, 6, 7: with a step of 3, targets are 0 and 5.
    up, right = torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0])
    tokens = torch.stack([up, 7 * up, 2 * right, 4 * right, 8 * up, 100 * right, 3 * up, 6 * right])[None]
    merged = merge_released(tokens, torch.tensor([[1, 4]]), 2)[0]
    # A dot product would also join token 6 to target 5. The result is the target plus the mean of its tokens.
    assert merged.tolist() == [[0, 7], [0, 8], [0, 1 + 3], [100 + (2 + 4 + 6) / 3, 0]]


def test_a_target_without_tokens_does_not_change():
    tokens = torch.tensor([[[5.0, 0], [1, 0], [2, 0], [0, 1], [0, -1]]])
    merged = merge_released(tokens, torch.tensor([[0]]), 3)[0]
    # The others are 1, 2, 3, 4: with a step of 1, targets are 1, 2, 3. Token 4 is as close to 1 as to 2, and joins 1.
    assert merged.tolist() == [[5, 0], [1, -1], [2, 0], [0, 1]]


def test_without_contextual_tokens_only_dominant_ones_remain():
    tokens = torch.arange(6.0).view(1, 6, 1)
    assert merge_released(tokens, torch.tensor([[1, 4]]), 0).flatten().tolist() == [1, 4]
    with pytest.raises(ValueError, match="cannot become"):
        merge_released(torch.zeros(1, 5, 2), torch.tensor([[0, 1, 2]]), 3)


def test_without_picks_the_dominant_tokens_are_spread_evenly():
    assert even_picks(44, 22).tolist() == list(range(1, 44, 2))
    picks = even_picks(48, 22)
    assert len(set(picks.tolist())) == 22
    assert picks.diff().unique().tolist() == [2, 3]


def test_picks_are_the_highest_scores_per_segment_in_time_order():
    config = MergeConfig(num_dominant=2, num_contextual=1, per_windows=4, method="released")
    scores = torch.tensor([0.0, 3, 1, 2, 9, 0, 0, 0, 1, 5])
    assert picks_of_scores(scores, config).tolist() == [[1, 4], [8, 9]]
