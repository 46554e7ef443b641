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


def test_attention_received_is_equation_five_averaged_over_heads_and_receivers():
    net, windows = former(), torch.randn(2, 5, 17, 10)
    with torch.no_grad():
        _, attention = net(windows, padding(5))
    # Every row of the matrix sums to one, so what all tokens receive sums to one as well.
    torch.testing.assert_close(attention.received.sum(dim=1), torch.ones(2))
    assert attention.received.std(dim=1).min() > 1e-6, "a constant score picks tokens by rounding noise"
    assert attention.keys.shape == (2, 5, 8)


def test_padded_frames_change_nothing():
    net, windows = former(), torch.randn(1, 3, 17, 10)
    with torch.no_grad():
        first, _ = net(windows, padding(3, padded=6))
        windows[0, -1, -6:] = 1e3
        second, _ = net(windows, padding(3, padded=6))
    torch.testing.assert_close(first, second)


def test_a_window_is_heard_through_its_own_frames_and_mixed_by_self_attention():
    net, windows = former(num_layers=1), torch.randn(1, 4, 17, 10)
    changed = windows.clone()
    changed[0, 2] += 1
    with torch.no_grad():
        before, after = net(windows, padding(4))[0], net(changed, padding(4))[0]
    moved = (before - after).abs().amax(dim=2)[0] > 1e-6
    # In one layer self-attention comes before the windows are heard: only window 2 moves.
    assert moved.tolist() == [False, False, True, False]
    with torch.no_grad():
        deep = former()
        moved = (deep(windows, padding(4))[0] - deep(changed, padding(4))[0]).abs().amax(dim=2)[0] > 1e-6
    assert moved.all()


def test_frame_positions_tell_a_late_sound_from_an_early_one():
    windows = torch.zeros(1, 1, 17, 10)
    early, late = windows.clone(), windows.clone()
    early[0, 0, 2], late[0, 0, 14] = 1.0, 1.0
    with torch.no_grad():
        told, untold = former(), former(frame_positions=False)
        assert not torch.allclose(told(early, padding(1))[0], told(late, padding(1))[0], atol=1e-6)
        torch.testing.assert_close(untold(early, padding(1))[0], untold(late, padding(1))[0])


def test_time_encoding_starts_at_nothing_and_looks_its_row_up():
    encoding, windows = TimeEncoding(8, 10), torch.randn(2, 5, 17, 10)
    torch.testing.assert_close(encoding(windows), windows)
    with torch.no_grad():
        encoding.weight[3] = 2.0
    difference = encoding(windows, first_window=1) - windows
    assert (difference[:, 2] - 2).abs().max() < 1e-5
    assert difference[:, [0, 1, 3, 4]].eq(0).all()
    with torch.no_grad():
        encoding.weight[7] = 5.0
    assert (encoding(windows, first_window=6) - windows)[:, 1:].gt(4.9).all(), "windows past the last row share it"


def test_the_cross_attention_mass_of_a_window_is_what_its_frames_get_of_all_tokens():
    """Against the formula, written out for every token, head and frame; padding gets nothing."""
    net, windows = former(num_layers=1), torch.randn(2, 4, 17, 10)
    is_padding = padding(4, padded=9)
    layer = net.layers[0]
    seen = []
    layer.cross_attention.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach()))
    with torch.no_grad():
        _, attended = net(windows, is_padding, with_mass=True)
        queries, cross = seen[0], layer.cross_attention  # [2, 4, 24]: as the layer's self-attention left them
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
    assert (attended.mass - attended.received).abs().max() > 1e-3, "it would be Eq. 5 again"


def test_nobody_pays_for_a_mass_that_nobody_asked_for():
    net, windows = former(), torch.randn(1, 3, 17, 10)
    with torch.no_grad():
        plain, attended = net(windows, padding(3))
        asked, with_mass = net(windows, padding(3), with_mass=True)
    assert attended.mass is None
    assert with_mass.mass is not None
    torch.testing.assert_close(plain, asked)
