"""The window Q-Former and its time encoding."""

import torch

from model.config import QFormerConfig
from model.connector.qformer import WindowQFormer
from model.connector.time_encoding import TimeEncoding

CONFIG = QFormerConfig(dim=24, num_layers=2, num_heads=3, feed_forward_dim=48)


def former(**changes):
    torch.manual_seed(0)
    fields = {"dim": 24, "num_layers": 2, "num_heads": 3, "feed_forward_dim": 48, **changes}
    return WindowQFormer(QFormerConfig(**fields), frame_dim=10, window_frames=17).eval()


def padding(windows, padded=0):
    mask = torch.zeros(windows, 17, dtype=torch.bool)
    if padded:
        mask[-1, -padded:] = True
    return mask


def test_received_attention_follows_equation_five():
    net, windows = former(), torch.randn(2, 5, 17, 10)
    with torch.no_grad():
        _, attention = net(windows, padding(5))
    # Every row of the matrix sums to one, so the received attention of all tokens also sums to one.
    torch.testing.assert_close(attention.received.sum(dim=1), torch.ones(2))
    assert attention.received.std(dim=1).min() > 1e-6, "with constant scores, rounding noise would pick the tokens"
    assert attention.keys.shape == (2, 5, 8)


def test_padded_frames_change_nothing():
    net, windows = former(), torch.randn(1, 3, 17, 10)
    with torch.no_grad():
        first, _ = net(windows, padding(3, padded=6))
        windows[0, -1, -6:] = 1e3
        second, _ = net(windows, padding(3, padded=6))
    torch.testing.assert_close(first, second)


def test_tokens_attend_to_their_own_window_and_self_attention_mixes_them():
    net, windows = former(num_layers=1), torch.randn(1, 4, 17, 10)
    changed = windows.clone()
    changed[0, 2] += 1
    with torch.no_grad():
        before, after = net(windows, padding(4))[0], net(changed, padding(4))[0]
    moved = (before - after).abs().amax(dim=2)[0] > 1e-6
    # A single layer applies self-attention before cross-attention, so only window 2 changes.
    assert moved.tolist() == [False, False, True, False]
    with torch.no_grad():
        deep = former()
        moved = (deep(windows, padding(4))[0] - deep(changed, padding(4))[0]).abs().amax(dim=2)[0] > 1e-6
    assert moved.all()


def test_frame_positions_distinguish_late_and_early_sounds():
    windows = torch.zeros(1, 1, 17, 10)
    early, late = windows.clone(), windows.clone()
    early[0, 0, 2], late[0, 0, 14] = 1.0, 1.0
    with torch.no_grad():
        positioned, plain = former(), former(frame_positions=False)
        assert not torch.allclose(positioned(early, padding(1))[0], positioned(late, padding(1))[0], atol=1e-6)
        torch.testing.assert_close(plain(early, padding(1))[0], plain(late, padding(1))[0])


def test_time_encoding_starts_at_zero_and_adds_the_row_of_the_window():
    encoding, windows = TimeEncoding(8, 10), torch.randn(2, 5, 17, 10)
    torch.testing.assert_close(encoding(windows), windows)
    with torch.no_grad():
        encoding.weight[3] = 2.0
    difference = encoding(windows, first_window=1) - windows
    assert (difference[:, 2] - 2).abs().max() < 1e-5
    assert difference[:, [0, 1, 3, 4]].eq(0).all()
    with torch.no_grad():
        encoding.weight[7] = 5.0
    assert (encoding(windows, first_window=6) - windows)[:, 1:].gt(4.9).all(), "windows after the last row share it"


def test_the_mass_of_a_window_is_the_attention_to_its_frames():
    """Compare with the formula, computed for every token, head and frame. Padding gets no attention."""
    net, windows = former(num_layers=1), torch.randn(2, 4, 17, 10)
    is_padding = padding(4, padded=9)
    layer = net.layers[0]
    seen = []
    layer.cross_attention.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach()))
    with torch.no_grad():
        _, attended = net(windows, is_padding, with_mass=True)
        queries, cross = seen[0], layer.cross_attention  # [2, 4, 24], after self-attention
        frames = (windows + net.frame_positions).flatten(1, 2)
        expected = torch.zeros(2, 4)
        for row in range(2):
            for query in cross.query(queries[row]).view(4, 3, 8):
                for head in range(3):
                    keys = cross.key(frames[row]).view(-1, 3, 8)[:, head]
                    scores = (keys @ query[head] / 8**0.5).masked_fill(is_padding.flatten(), -torch.inf)
                    expected[row] += scores.softmax(0).view(4, 17).sum(1) / 12
    torch.testing.assert_close(attended.mass, expected)
    torch.testing.assert_close(attended.mass.sum(dim=1), torch.ones(2))
    assert (attended.mass - attended.received).abs().max() > 1e-3, "the mass differs from Eq. 5"


def test_the_mass_is_computed_only_on_request():
    net, windows = former(), torch.randn(1, 3, 17, 10)
    with torch.no_grad():
        plain, attended = net(windows, padding(3))
        tokens, with_mass = net(windows, padding(3), with_mass=True)
    assert attended.mass is None
    assert with_mass.mass is not None
    torch.testing.assert_close(plain, tokens)
