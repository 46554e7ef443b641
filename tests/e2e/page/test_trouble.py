"""What the page says when something cannot be had, and what it offers then."""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.page.conftest import CLIP
from tests.e2e.page.test_playground import ask, find, spans, wait_for

STATUS = ".group-dense_caption .status"


@pytest.fixture
def crowd(server: Any) -> Iterator[Callable[[], None]]:
    """Two callers who never finish sending: the queue is full. Calling it sends them away."""
    with ExitStack() as stack:
        host, port = server.url.removeprefix("http://").split(":")
        for _ in range(2):
            caller = stack.enter_context(socket.create_connection((host, int(port))))
            head = (
                b"POST /v1/dense-caption HTTP/1.1\r\nHost: x\r\nContent-Type: audio/wav\r\nContent-Length: 99\r\n\r\n"
            )
            caller.sendall(head + b"Content-Length: 99\r\n\r\nRIFF")
        yield stack.close


def give(page: Page, name: str, body: bytes) -> None:
    page.locator("#file").set_input_files({"name": name, "mimeType": "audio/wav", "buffer": body})


def test_a_busy_server_is_asked_again_when_it_says_so(opening: Page, crowd: Callable[[], None]) -> None:
    opening.locator("#file").set_input_files(CLIP)
    expect(opening.locator(STATUS)).to_contain_text(re.compile(r"The server is busy. Trying again in \d+ s"))
    crowd()
    opening.locator(f"{STATUS}[data-state=done]").wait_for()
    expect(opening.locator(".group-dense_caption .bar")).to_have_count(2)


def test_waiting_can_be_stopped_and_gone_on_with(opening: Page, crowd: Callable[[], None]) -> None:
    opening.locator("#file").set_input_files(CLIP)
    opening.locator(f"{STATUS}[data-state=waiting]").wait_for()
    opening.get_by_role("button", name="Stop", exact=True).click()
    opening.locator(f"{STATUS}[data-state=stopped]").wait_for()
    crowd()
    opening.get_by_role("button", name="Run again").click()
    opening.locator(f"{STATUS}[data-state=done]").wait_for()


def test_a_recording_that_is_too_long_is_heard_in_part(opening: Page, encoded: Callable[..., bytes]) -> None:
    give(opening, "long.wav", encoded("wav", 20.0))
    opening.locator(f"{STATUS}[data-state=failed]").wait_for()
    expect(opening.locator(STATUS)).to_contain_text("The recording is too long")
    expect(opening.locator(STATUS)).to_contain_text("15 s")
    opening.get_by_role("button", name="Analyse the first 0:15").click()
    opening.locator(f"{STATUS}[data-state=done]").wait_for()
    assert spans(opening, ".group-dense_caption .bar")[-1][1] == 15.0
    opening.get_by_role("tab", name="curl").click()
    assert "--form-string 'end=15'" in opening.locator("#code").inner_text()


def test_hearing_goes_on_from_the_playhead(opening: Page, encoded: Callable[..., bytes]) -> None:
    give(opening, "long.wav", encoded("wav", 20.0))
    opening.locator(f"{STATUS}[data-state=failed]").wait_for()
    opening.locator("#seek").focus()
    for _ in range(8):
        opening.keyboard.press("ArrowRight")
    opening.get_by_role("button", name="Analyse from the playhead").click()
    opening.locator(f"{STATUS}[data-state=done]").wait_for()
    heard = spans(opening, ".group-dense_caption .bar")
    assert heard[0][0] == pytest.approx(8.0, abs=0.1)
    assert heard[-1][1] == 20.0


def test_what_is_no_recording_is_refused_in_words(opening: Page) -> None:
    give(opening, "notes.wav", b"these are notes, and no sound")
    opening.locator(f"{STATUS}[data-state=failed]").wait_for()
    expect(opening.locator("#unseen")).to_be_visible()
    expect(opening.locator(STATUS)).to_contain_text("Unsupported audio format")
    expect(opening.get_by_role("button", name="Try again")).to_be_visible()


def test_an_empty_file_is_not_even_sent(opening: Page) -> None:
    give(opening, "empty.wav", b"")
    expect(opening.locator("#opening-trouble")).to_contain_text("The file is empty.")
    expect(opening.locator("#opening")).to_be_visible()


def test_a_file_beyond_the_limit_is_not_even_sent(desk: Page) -> None:
    give(desk, "huge.wav", bytes(3_200_000))
    expect(desk.locator("#desk-trouble")).to_contain_text("It has 3.1 MB; the limit is 2.9 MB.")
    expect(desk.locator("#name")).to_have_text("farmyard.flac")  # what was there stays


def test_a_server_out_of_reach_is_told_and_tried_again(desk: Page) -> None:
    desk.context.set_offline(True)
    try:
        find(desk, "rain")
        expect(desk.locator(".group-ground .status")).to_contain_text("The server cannot be reached")
    finally:
        desk.context.set_offline(False)
    desk.get_by_role("button", name="Try again").click()
    wait_for(desk, "ground")


def test_an_answer_that_breaks_off_is_asked_for_again_by_itself(desk: Page) -> None:
    ask(desk, "break")  # what was lost in the middle of a stream may be sent again: 503
    desk.locator(".group-ask .status[data-state=waiting]").wait_for()
    desk.keyboard.press("Escape")
    desk.locator(".group-ask .status[data-state=stopped]").wait_for()


def test_asking_for_nothing_asks_for_words(desk: Page) -> None:
    find(desk, "   ")
    expect(desk.locator("#query")).to_be_focused()
    expect(desk.locator(".group-ground")).to_have_count(0)
