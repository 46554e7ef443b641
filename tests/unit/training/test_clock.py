"""How the time encoding learns every second of the clock."""

import torch

from model.connector.qformer import Attended
from model.connector.time_encoding import TimeEncoding
from training.clock import ClockReader, clock_digits, settle_digits, share_digits
from training.data.composer import PlacedEvent
from training.data.timelines import WINDOW_SAMPLES, Columns, edges_of, written_timeline

COLUMNS = Columns(("dog", "rain"))

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
        logits = reader.linear(encoding.weight[met]).unflatten(-1, (3, 4, 10))[..., 0, :, :]
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted[met].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    said = reader.linear(encoding.weight[1::2]).unflatten(-1, (3, 4, 10))[..., 0, :, :].argmax(dim=-1)
    return float((said == wanted[1::2]).float().mean())


def test_a_time_that_was_never_heard_is_told_by_its_digits():
    assert right_of_rows_never_met(shared=True) > 0.95
    assert right_of_rows_never_met(shared=False) < 0.5


def test_the_reader_is_asked_for_all_tokens_of_all_segments():
    reader = ClockReader(16)
    with torch.no_grad():
        reader.linear.weight.zero_()
        reader.linear.bias.zero_()
        reader.linear.bias[0] = 50.0  # hundreds of windows: always 0; of the other places nothing
    segments = [(torch.randn(2, 30, 16), NOTHING), (torch.randn(2, 20, 16), NOTHING)]
    nothing = edges_of(written_timeline([], COLUMNS, 50 * WINDOW_SAMPLES), COLUMNS)
    near = 3 * float(reader.loss(segments, 0, [nothing, nothing]).detach())
    assert abs(near - 3 / 4 * torch.log(torch.tensor(10.0))) < 1e-3
    far = 3 * float(
        reader.loss(segments, 294, [nothing, nothing]).detach()
    )  # from 99.96 s: all but one in the hundreds
    assert far > near + 50 * 49 / 50 / 4 - 1


def test_where_an_event_begins_its_end_is_asked_for():
    events = [PlacedEvent("dog", 16_000, 40_000), PlacedEvent("rain", 6 * 16_000, 163_200)]
    edges = edges_of(written_timeline(events, COLUMNS, 170_000, first=100), COLUMNS)  # the clock begins at 34 s
    assert edges.windows.tolist() == [2, 17]
    assert edges.begin.tolist() == [[0, 3, 5, 0], [0, 4, 0, 0]]
    assert edges.end.tolist() == [[0, 3, 6, 5], [0, 4, 4, 2]]
    reader, tokens = ClockReader(8), torch.zeros(2, 32, 8)
    tokens[1, 2, 0] = tokens[1, 17, 1] = 1.0
    with torch.no_grad():
        reader.linear.weight.zero_()
        reader.linear.bias.zero_()
        rows = reader.linear.weight.view(3, 4, 10, 8)
        for token, (begin, end) in enumerate(zip(edges.begin, edges.end, strict=True)):
            for place in range(4):
                rows[1, place, begin[place], token] = rows[2, place, end[place], token] = 50.0
    nothing = edges_of(written_timeline([], COLUMNS, 170_000), COLUMNS)
    alone = float(reader.loss([(tokens, NOTHING)], 100, [nothing, nothing]).detach())
    assert float(reader.loss([(tokens, NOTHING)], 100, [nothing, edges]).detach()) < alone + 1e-3
    assert float(reader.loss([(tokens, NOTHING)], 100, [edges, nothing]).detach()) > alone + 1  # of the other recording
