"""Find where in a page of Ogg a gap is: a page has one timestamp, of its end; FFmpeg puts a gap at its beginning."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from model.audio.clock import STEP_S, Frame


def page_number(data: bytes, start: int | None) -> int | None:
    """Return the number of the page that starts here (RFC 3533, section 6); None if there is none."""
    if start is None or start < 0 or data[start : start + 4] != b"OggS":
        return None
    return int.from_bytes(data[start + 18 : start + 22], "little")


def place_gaps(frames: Iterator[Frame], time_base: float) -> Iterator[Frame]:
    """Yield the frames, with the times before a gap inside a page as they were.

    A writer closes a page when it covers a second. If no page is missing and one has fewer packets than the page before
    it, the packet after the gap closed it: the gap is before its last packet. Frames wait until their page is complete.

    Args:
        frames: with timestamps and pages.
        time_base: seconds per unit of the timestamps.
    """
    before: list[Frame] = []
    page: list[Frame] = []
    for frame in frames:
        if page and frame.page != page[0].page:
            yield from _place(before, page, time_base)
            before, page = page, []
        page.append(frame)
    yield from _place(before, page, time_base)


def _place(before: list[Frame], page: list[Frame], time_base: float) -> list[Frame]:
    if not 1 < len(page) < len(before) or page[0].page is None or before[0].page != page[0].page - 1:
        return page
    for i, (last, frame) in enumerate(pairwise((before[-1], *page))):
        if last.pts is None or frame.pts is None:
            continue
        gap = frame.pts - last.pts - round(last.num_samples / last.rate / time_base)
        if gap * time_base > STEP_S:
            earlier = [replace(other, pts=None if other.pts is None else other.pts - gap) for other in page[i:-1]]
            return [*page[:i], *earlier, page[-1]]
    return page
