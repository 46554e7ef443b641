"""How the time encoding learns every second of the clock."""

import torch

from model.connector.qformer import Attended
from model.connector.time_encoding import TimeEncoding
from training.clock import ClockReader, clock_digits, settle_digits, share_digits

NOTHING = Attended(torch.zeros(1, 1), torch.zeros(1, 1, 1))


def test_a_window_is_told_by_the_digits_of_its_beginning():
    assert clock_digits(0, 2).tolist() == [[0, 0, 0, 0], [0, 0, 0, 3]]
    assert clock_digits(100, 1).tolist() == [[0, 3, 4, 0]]  # 34.0 s
    assert clock_digits(441, 1).tolist() == [[1, 4, 9, 9]]  # 149.94 s
    assert clock_digits(40, 30).equal(clock_digits(0, 70)[40:])


def test_rows_keep_their_values_when_they_begin_and_end_to_share():
    encoding = TimeEncoding(300, 8)
    torch.nn.init.normal_(encoding.weight)
    before = encoding.weight.detach().clone()
    share_digits(encoding)
    assert torch.equal(encoding.weight, before)
    with torch.no_grad():
        encoding.parametrizations.weight[0].shared[1, 3] += 1.0  # of all windows in the thirties
    thirties = clock_digits(0, 300)[:, 1] == 3
    assert torch.allclose(encoding.weight[thirties], before[thirties] + 1)
    assert torch.equal(encoding.weight[~thirties], before[~thirties])
    shared = encoding.weight.detach().clone()
    settle_digits(encoding)
    assert list(encoding.state_dict()) == ["weight"]
    assert torch.equal(encoding.weight, shared)


def right_of_rows_never_met(*, shared):
    """Trained on every other window, read in the rest: the share of digits that are right."""
    torch.manual_seed(0)
    encoding, reader = TimeEncoding(400, 32), ClockReader(32)
    if shared:
        share_digits(encoding)
    optimizer = torch.optim.Adam([*encoding.parameters(), *reader.parameters()], lr=0.03)
    met = torch.arange(0, 400, 2)
    wanted = clock_digits(0, 400)
    for _ in range(60):
        logits = reader.linear(encoding.weight[met]).unflatten(-1, (4, 10))
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted[met].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    said = reader.linear(encoding.weight[1::2]).unflatten(-1, (4, 10)).argmax(dim=-1)
    return float((said == wanted[1::2]).float().mean())


def test_a_time_that_was_never_heard_is_told_by_its_digits():
    assert right_of_rows_never_met(shared=True) > 0.95
    assert right_of_rows_never_met(shared=False) < 0.5


def test_the_reader_is_asked_for_all_tokens_of_all_segments():
    reader = ClockReader(16)
    with torch.no_grad():
        reader.linear.weight.zero_()
        reader.linear.bias.zero_()
        reader.linear.bias[0] = 50.0  # hundreds: always 0; of the other places nothing
    segments = [(torch.randn(2, 30, 16), NOTHING), (torch.randn(2, 20, 16), NOTHING)]
    near = float(reader.loss(segments, 0).detach())
    assert abs(near - 3 / 4 * torch.log(torch.tensor(10.0))) < 1e-3
    far = float(reader.loss(segments, 294).detach())  # from 99.96 s on: all but one window are in the hundreds
    assert far > near + 50 * 49 / 50 / 4 - 1
