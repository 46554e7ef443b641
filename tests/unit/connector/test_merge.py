"""Merging audio tokens: dominant tokens, contextual tokens, and their numbers."""

import pytest
import torch

from model.config import MergeConfig
from model.connector.merge import budget, merge_tokens


def test_dominant_tokens_are_kept_unchanged_in_time_order():
    tokens = torch.arange(10.0).view(1, 10, 1)
    scores = torch.tensor([[0, 9, 0, 0, 0, 8, 0, 0, 7, 0.0]])
    merged, places = merge_tokens(tokens, scores, torch.ones(1, 10, 2), num_dominant=3, num_contextual=0)
    assert merged.flatten().tolist() == [1, 5, 8]
    assert places.tolist() == [[1, 5, 8]]


def test_other_tokens_are_averaged_with_the_target_with_the_nearest_key():
    # Tokens 0 and 3 are dominant. Of the others (1, 2, 4, 5) the middles of the two halves, 2 and 5, are targets.
    tokens = torch.tensor([[[10.0], [1], [2], [20], [4], [6]]])
    scores = torch.tensor([[5.0, 0, 0, 5, 0, 0]])
    left, right = [1.0, 0], [0, 1.0]
    keys = torch.tensor([[left, right, left, left, left, right]])
    merged, places = merge_tokens(tokens, scores, keys, num_dominant=2, num_contextual=2)
    # 4 joins 2 (mean 3, at 2's place), 1 joins 5 (mean 3.5, at 5's place).
    assert merged.flatten().tolist() == [10, 3, 20, 3.5]
    assert places.tolist() == [[0, 2, 3, 5]]


def test_a_target_is_not_merged_into_a_target_with_a_longer_key():
    tokens = torch.tensor([[[0.0], [1], [2], [3]]])
    keys = torch.tensor([[[1.0], [1], [1], [100]]])
    merged, places = merge_tokens(tokens, torch.tensor([[9.0, 0, 0, 0]]), keys, num_dominant=1, num_contextual=3)
    assert merged.flatten().tolist() == [0, 1, 2, 3]
    assert places.tolist() == [[0, 1, 2, 3]]


def test_rows_do_not_influence_each_other():
    torch.manual_seed(0)
    tokens, scores, keys = torch.randn(3, 50, 8), torch.rand(3, 50), torch.randn(3, 50, 4)
    together, _ = merge_tokens(tokens, scores, keys, num_dominant=12, num_contextual=3)
    for row in range(3):
        one = slice(row, row + 1)
        alone, _ = merge_tokens(tokens[one], scores[one], keys[one], num_dominant=12, num_contextual=3)
        torch.testing.assert_close(together[one], alone)


def test_too_few_windows_are_rejected():
    with pytest.raises(ValueError, match="cannot become"):
        merge_tokens(torch.zeros(1, 5, 2), torch.zeros(1, 5), torch.zeros(1, 5, 2), num_dominant=4, num_contextual=2)


def test_the_budget_is_proportional_to_the_windows():
    expected = {88: (22, 4), 44: (11, 2), 90: (22, 4), 1: (1, 0), 2: (1, 1)}
    assert {windows: budget(windows, MergeConfig()) for windows in expected} == expected
