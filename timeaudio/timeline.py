"""Draw a timeline as text: one lane per event, time from left to right.

                    0 s     2        4        6        8      10 s
                    ├───────┼────────┼────────┼────────┼───────┤
    A dog barks.    ███████████   █████████████████████
    Rain falls.         ▐██████████████████████████████████▌

All positions are integers: tenths of a second on one side, half columns on the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from timeaudio.console import printable
from timeaudio.results import Interval

COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")
TICK_STEPS = (1, 2, 5, 10, 20, 50, 100, 150, 300, 600, 1200, 1800, 3600, 6000, 12000, 18000, 36000)  # fmt: skip
"""Units: tenths of a second."""
NARROWEST = 20  # fewest columns for the time axis
GAP = "  "


@dataclass(frozen=True, slots=True)
class Symbols:
    """The characters of a timeline: `cells[left half filled][right half filled]`, and the parts of the axis."""

    cells: tuple[tuple[str, str], tuple[str, str]]
    rule: str
    first_tick: str
    tick: str
    last_tick: str
    cut: str


BLOCKS = Symbols(cells=((" ", "▐"), ("▌", "█")), rule="─", first_tick="├", tick="┼", last_tick="┤", cut="…")
ASCII = Symbols(cells=((" ", "#"), ("#", "#")), rule="-", first_tick="+", tick="+", last_tick="+", cut=".")


@dataclass(frozen=True, slots=True)
class Lane:
    """One line of the timeline: its label at the left, and the intervals to fill."""

    label: str
    intervals: tuple[Interval, ...]


def lanes(rows: Sequence[tuple[str, Sequence[Interval]]]) -> list[Lane]:
    """Return one lane per row of words and intervals, in order; the lane of an absent query is empty."""
    return [Lane(words, tuple(intervals)) for words, intervals in rows]


def draw(lanes: Sequence[Lane], duration_s: float, *, width: int, ascii_only: bool = False) -> Text:
    """Draw lanes over a recording, without a newline at the end.

    It is at most `width` columns wide, or 24 if that is more. An interval fills every half column that it covers by
    half or more, and at least one, so that short events stay visible.

    Units: `duration_s` seconds; `width` terminal columns.
    """
    symbols = ASCII if ascii_only else BLOCKS
    duration = max(1, _tenths(duration_s))
    room = width - len(GAP) - 2  # the last tick's " s" overhangs
    needed = max((cell_len(printable(lane.label)) for lane in lanes), default=0)
    label_width = max(0, min(needed, width * 2 // 5, room - NARROWEST))
    num_columns = max(NARROWEST, room - label_width)
    indent = " " * label_width + GAP
    picture = Text(no_wrap=True, overflow="ignore")
    for line in _axis(duration, num_columns, symbols):
        picture.append(indent + line + "\n", style="dim")
    for index, lane in enumerate(lanes):
        colour = COLOURS[index % len(COLOURS)]
        picture.append(_label(lane.label, label_width, symbols, ascii_only=ascii_only) + GAP)
        picture.append(_cells(lane.intervals, duration, num_columns, symbols) + "\n", style=colour)
    picture.right_crop(1)
    return picture


def _tenths(seconds: float) -> int:
    return round(seconds * 10)


def _label(label: str, width: int, symbols: Symbols, *, ascii_only: bool) -> str:
    """Fit a label into exactly `width` columns, on one line, with a mark where it was cut."""
    line = printable(label)
    if ascii_only:
        line = line.encode("ascii", "replace").decode("ascii")
    if cell_len(line) > width:
        line = set_cell_size(line, width - cell_len(symbols.cut)).rstrip() + symbols.cut
    return set_cell_size(line, width)


def _axis(duration: int, num_columns: int, symbols: Symbols) -> tuple[str, str]:
    """Return the two lines of the axis: times in seconds, and ticks under their first digit."""
    step = _tick_step(duration, num_columns)
    numbers = [" "] * (num_columns + 12)
    rule = [symbols.rule] * num_columns
    last_label = f"{duration / 10:g} s"
    last_column = num_columns - len(f"{duration / 10:g}")
    for time in range(0, duration, step):
        label = "0 s" if time == 0 else f"{time / 10:g}"
        column = time * num_columns // duration
        if time and column + len(label) >= last_column:
            break
        rule[column] = symbols.tick if time else symbols.first_tick
        numbers[column : column + len(label)] = label
    rule[-1] = symbols.last_tick
    numbers[last_column : last_column + len(last_label)] = last_label
    return "".join(numbers).rstrip(), "".join(rule)


def _tick_step(duration: int, num_columns: int) -> int:
    """Return the tenths between ticks: the finest step whose labels stay at least two columns apart."""
    for step in TICK_STEPS:
        label_width = max(len(f"{duration / 10:g}"), len("0 s"))
        if step * num_columns >= duration * (label_width + 2):
            return step
    return duration


def _cells(intervals: Sequence[Interval], duration: int, num_columns: int, symbols: Symbols) -> str:
    """Return a lane's columns. Half column h covers the tenths from h * duration / halves on."""
    halves = [False] * (2 * num_columns)
    for interval in intervals:
        start, end = (_half_column(_tenths(s), duration, len(halves)) for s in (interval.start, interval.end))
        start = min(start, len(halves) - 1)
        for half in range(start, max(end, start + 1)):
            halves[half] = True
    pairs = zip(halves[::2], halves[1::2], strict=True)
    return "".join(symbols.cells[left][right] for left, right in pairs).rstrip()


def _half_column(time: int, duration: int, num_halves: int) -> int:
    """Return the half-column boundary nearest to a time, rounded half up, within the timeline."""
    return min((2 * time * num_halves + duration) // (2 * duration), num_halves)
