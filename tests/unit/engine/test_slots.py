"""The assignment of slots, and the fair queue."""

from hypothesis import given
from hypothesis import strategies as st

from model.engine.fair_queue import FairQueue
from model.engine.sequence import Prefix, Sequence
from model.engine.slots import Slots
from model.language.decoding import Decoding
from tests.tiny_models import prompt


def sequence_of(width: int) -> Sequence:
    return Sequence(Prefix(prompt(1, 0)), prompt(1, 0), Decoding(num_beams=width), None, frozenset())


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 99), st.sampled_from([1, 2, 4])), max_size=60))
def test_sequences_keep_their_contents_and_fill_slots_without_gaps(moves: list[tuple[bool, int, int]]) -> None:
    contents: list[Sequence | None] = [None] * 7  # of each slot

    def move(source: int, target: int) -> None:
        contents[target] = contents[source]

    slots = Slots(7, move)
    for enters, number, width in moves:
        if enters and slots.num_free:
            new = sequence_of(width)
            slots.enter(new)
            contents[new.slot] = new
        elif not enters and slots.live:
            old = slots.live[number % len(slots.live)]
            slots.leave(old)
            assert old.slot == -1
        assert [sequence.slot for sequence in slots.live] == list(range(len(slots.live)))
        assert contents[: len(slots.live)] == slots.live
        widths = [sequence.width for sequence in slots.live]
        assert widths == sorted(widths)
        regions = slots.regions()
        assert [slots.live[r.first].width for r in regions] == [r.width for r in regions] == sorted(set(widths))
        assert [0, *(r.last for r in regions)] == [*(r.first for r in regions), len(widths)]


def test_owners_with_much_work_and_little_work_alternate() -> None:
    turns: FairQueue[str, int] = FairQueue()
    for piece in range(4):
        turns.add("long", piece)
    served = []

    def serve() -> None:
        owner, piece = next(turns.in_turn())
        turns.take(owner, piece)
        served.append((owner, piece))

    serve()
    turns.add("short", 0)
    for _ in range(3):
        serve()
    assert served == [("long", 0), ("long", 1), ("short", 0), ("long", 2)]
    assert list(turns.in_turn()) == [("long", 3)]
    turns.add("other", 0)
    turns.add("other", 1)
    assert list(turns.in_turn()) == [("long", 3), ("other", 0), ("other", 1)]
    turns.drop("other")
    turns.drop("nobody")
    assert len(turns) == 1
