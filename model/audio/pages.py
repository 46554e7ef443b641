"""Times inside a page of Ogg, which has only one timestamp: that of its end.

FFmpeg puts a gap at the beginning of a page. It puts FLAC that begins in the middle of a broadcast at 0, and FLAC after
a lost page where that page was.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from model.audio.clock import STEP_S, Frame, OggPage


def page_at(data: bytes, start: int | None, codec: str) -> OggPage | None:
    """Return the page that starts here (RFC 3533, section 6); None if there is none."""
    if start is None or start < 0 or data[start : start + 4] != b"OggS":
        return None
    end = int.from_bytes(data[start + 6 : start + 14], "little", signed=True)
    number = int.from_bytes(data[start + 18 : start + 22], "little")
    return OggPage(number, end if codec == "flac" and end >= 0 else None)


def place_gaps(frames: Iterator[Frame], time_base: float) -> Iterator[Frame]:
    """Yield the frames with two corrections of their times, one for gaps and one for missing pages.

    A writer closes a page when it covers a second. If no page is missing and a page has fewer packets than the one
    before it, the packet after the gap closed it, so the gap is moved to before its last packet. If the page before it
    is missing, its frames are moved so that the last one ends when the page does. Frames wait until their page is
    complete.

    Args:
        frames: with timestamps and pages.
        time_base: seconds per unit of the timestamps.
    """
    before: list[Frame] = []
    page: list[Frame] = []
    for frame in frames:
        if page and frame.page != page[0].page:
            before, page = _place(before, page, time_base), []
            yield from before
        page.append(frame)
    yield from _place(before, page, time_base)


def _place(before: list[Frame], page: list[Frame], time_base: float) -> list[Frame]:
    if page and (not before or not _is_next(before[0].page, page[0].page)):
        return _end_on_time(page)
    if not 1 < len(page) < len(before):
        return page
    for i, (last, frame) in enumerate(pairwise((before[-1], *page))):
        if last.pts is None or frame.pts is None:
            continue
        gap = frame.pts - last.pts - round(last.num_samples / last.rate / time_base)
        if gap * time_base > STEP_S:
            earlier = [replace(other, pts=None if other.pts is None else other.pts - gap) for other in page[i:-1]]
            return [*page[:i], *earlier, page[-1]]
    return page


def _is_next(before: OggPage | None, page: OggPage | None) -> bool:
    return before is not None and page is not None and page.number == before.number + 1


def _end_on_time(page: list[Frame]) -> list[Frame]:
    """Return the frames of a page whose predecessor is missing, moved so that the last one ends when the page does."""
    first, end = page[0], page[0].page.end if page[0].page else None
    if first.pts is None or end is None:
        return page
    late = end - sum(frame.num_samples for frame in page) - first.pts
    if late <= STEP_S * first.rate:
        return page
    return [frame if frame.pts is None else replace(frame, pts=frame.pts + late) for frame in page]
