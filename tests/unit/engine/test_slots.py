"""Who lives where, and whose turn it is."""

from hypothesis import given
from hypothesis import strategies as st

from model.engine.sequence import Prefix, Sequence
from model.engine.slots import Slots
from model.engine.turns import Turns
from model.language.decoding import Decoding
from tests.tiny_models import prompt


def guest(width: int) -> Sequence:
    return Sequence(Prefix(prompt(1, 0)), prompt(1, 0), Decoding(num_beams=width), None, frozenset())


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 99), st.sampled_from([1, 2, 4])), max_size=60))
def test_all_keep_their_things_and_live_side_by_side_without_holes(moves: list[tuple[bool, int, int]]) -> None:
    things: list[Sequence | None] = [None] * 7  # what lies in each slot

    def move(source: int, target: int) -> None:
        things[target] = things[source]

    slots = Slots(7, move)
    for comes, number, width in moves:
        if comes and slots.num_free:
            new = guest(width)
            slots.enter(new)
            things[new.slot] = new
        elif not comes and slots.live:
            old = slots.live[number % len(slots.live)]
            slots.leave(old)
            assert old.slot == -1
        assert [sequence.slot for sequence in slots.live] == list(range(len(slots.live)))
        assert things[: len(slots.live)] == slots.live
        widths = [sequence.width for sequence in slots.live]
        assert widths == sorted(widths)
        regions = slots.regions()
        assert [slots.live[r.first].width for r in regions] == [r.width for r in regions] == sorted(set(widths))
        assert [0, *(r.last for r in regions)] == [*(r.first for r in regions), len(widths)]


def test_who_has_much_is_not_served_before_who_has_little() -> None:
    turns: Turns[str, int] = Turns()
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
