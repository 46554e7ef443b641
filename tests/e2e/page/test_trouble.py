"""What the page shows if something fails, and what it offers to do."""

import re
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.page.conftest import CLIP
from tests.e2e.page.test_playground import ask, find, spans, wait_for

STATUS = ".group-dense_caption .status"


@pytest.fixture
def crowd(server: Any) -> Iterator[Callable[[], None]]:
    """Two callers that never finish their uploads, so that the queue is full. Call it to disconnect them."""
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


def test_a_request_to_a_busy_server_is_retried(opening: Page, crowd: Callable[[], None]) -> None:
    opening.locator("#file").set_input_files(CLIP)
    expect(opening.locator(STATUS)).to_contain_text(re.compile(r"The server is busy. Trying again in \d+ s"))
    crowd()
    opening.locator(f"{STATUS}[data-state=done]").wait_for()
    expect(opening.locator(".group-dense_caption .bar")).to_have_count(2)


def test_a_waiting_request_can_be_stopped_and_restarted(opening: Page, crowd: Callable[[], None]) -> None:
    opening.locator("#file").set_input_files(CLIP)
    opening.locator(f"{STATUS}[data-state=waiting]").wait_for()
    opening.get_by_role("button", name="Stop", exact=True).click()
    opening.locator(f"{STATUS}[data-state=stopped]").wait_for()
    crowd()
    opening.get_by_role("button", name="Run again").click()
    opening.locator(f"{STATUS}[data-state=done]").wait_for()


def test_part_of_a_recording_that_is_too_long_can_be_analysed(opening: Page, encoded: Callable[..., bytes]) -> None:
    give(opening, "long.wav", encoded("wav", 20.0))
    opening.locator(f"{STATUS}[data-state=failed]").wait_for()
    expect(opening.locator(STATUS)).to_contain_text("The recording is too long")
    expect(opening.locator(STATUS)).to_contain_text("15 s")
    opening.get_by_role("button", name="Analyse the first 0:15").click()
    opening.locator(f"{STATUS}[data-state=done]").wait_for()
    assert spans(opening, ".group-dense_caption .bar")[-1][1] == 15.0
    opening.get_by_role("tab", name="curl").click()
    assert "--form-string 'end=15'" in opening.locator("#code").inner_text()


def test_the_analysis_can_start_at_the_playhead(opening: Page, encoded: Callable[..., bytes]) -> None:
    give(opening, "long.wav", encoded("wav", 20.0))
    opening.locator(f"{STATUS}[data-state=failed]").wait_for()
    opening.locator("#seek").focus()
    for _ in range(8):
        opening.keyboard.press("ArrowRight")
    opening.get_by_role("button", name="Analyse from the playhead").click()
    opening.locator(f"{STATUS}[data-state=done]").wait_for()
    intervals = spans(opening, ".group-dense_caption .bar")
    assert intervals[0][0] == pytest.approx(8.0, abs=0.1)
    assert intervals[-1][1] == 20.0


@pytest.fixture(scope="module")
def questions(visit: Callable[..., Page], run_server: Callable[..., Any]) -> Iterator[Page]:
    """A page whose server answers questions about 10 s at most."""
    with run_server(module="tests.scripted_engine", TIMEAUDIO_PASSES__WHOLE_S="10") as server:
        yield visit(server)


@pytest.mark.parametrize(
    ("presses", "button", "part"),
    [
        (0, "Ask about the first 0:10", (0, 10)),
        (0, "Ask about 0:10 around the playhead", (0, 10)),
        (9, "Ask about 0:10 around the playhead", (4, 14)),
        (30, "Ask about 0:10 around the playhead", (10, 20)),
    ],
)
def test_a_question_about_a_long_recording_can_be_about_a_part(
    questions: Page, encoded: Callable[..., bytes], presses: int, button: str, part: tuple[int, int]
) -> None:
    give(questions, "long.wav", encoded("wav", 20.0))
    wait_for(questions, "dense_caption")
    questions.locator("#seek").focus()
    for _ in range(presses):
        questions.keyboard.press("ArrowRight")
    ask(questions, "how often?")
    wait_for(questions, "ask", "failed")
    questions.get_by_role("button", name=button).click()
    wait_for(questions, "ask")
    expect(questions.locator(".group-ask .status-answer")).to_have_text("HOW OFTEN?")
    [(start, _)] = spans(questions, ".group-ask .bar")
    assert start == pytest.approx(part[0], abs=0.1)
    code = questions.locator("#code").inner_text()
    sent = [float(number) for number in re.findall(r"'(?:start|end)=([\d.]+)'", code)]
    assert sent == [pytest.approx(part[0], abs=0.1), pytest.approx(part[1], abs=0.1)]


def test_the_analysis_can_start_at_the_playhead_even_at_the_end(opening: Page, encoded: Callable[..., bytes]) -> None:
    give(opening, "long.wav", encoded("wav", 20.0))
    opening.locator(f"{STATUS}[data-state=failed]").wait_for()
    opening.locator("#seek").focus()
    for _ in range(22):
        opening.keyboard.press("ArrowRight")
    opening.get_by_role("button", name="Analyse from the playhead").click()
    opening.locator(f"{STATUS}[data-state=done]").wait_for()
    assert spans(opening, ".group-dense_caption .bar")[0][0] == pytest.approx(5.0, abs=0.1)


def test_a_file_that_is_not_audio_shows_the_error(opening: Page) -> None:
    give(opening, "notes.wav", b"these are notes, and no sound")
    opening.locator(f"{STATUS}[data-state=failed]").wait_for()
    expect(opening.locator("#unseen")).to_be_visible()
    expect(opening.locator(STATUS)).to_contain_text("Unsupported audio format")
    expect(opening.get_by_role("button", name="Try again")).to_be_visible()


def test_an_empty_file_is_not_sent(opening: Page) -> None:
    give(opening, "empty.wav", b"")
    expect(opening.locator("#opening-trouble")).to_contain_text("The file is empty.")
    expect(opening.locator("#opening")).to_be_visible()


def test_a_file_above_the_limit_is_not_sent(desk: Page) -> None:
    give(desk, "huge.wav", bytes(3_200_000))
    expect(desk.locator("#desk-trouble")).to_contain_text("It has 3.1 MiB; the limit is 2.9 MiB.")
    expect(desk.locator("#name")).to_have_text("farmyard.flac")  # the previous recording stays


def test_an_unreachable_server_is_reported_and_can_be_retried(desk: Page) -> None:
    desk.context.set_offline(True)
    try:
        find(desk, "rain")
        expect(desk.locator(".group-ground .status")).to_contain_text("The server cannot be reached")
    finally:
        desk.context.set_offline(False)
    desk.get_by_role("button", name="Try again").click()
    wait_for(desk, "ground")


def test_an_interrupted_stream_is_retried_automatically(desk: Page) -> None:
    ask(desk, "break")  # a stream that ends with 503 may be retried
    desk.locator(".group-ask .status[data-state=waiting]").wait_for()
    desk.keyboard.press("Escape")
    desk.locator(".group-ask .status[data-state=stopped]").wait_for()


def test_a_server_that_hangs_counts_as_gone(visit: Callable[..., Page], server: Any) -> None:
    page = visit(server)
    page.route("**/readyz", lambda _: None)  # never answered
    page.evaluate("() => dispatchEvent(new Event('online'))")  # look now
    expect(page.locator("#model")).to_have_text("The server cannot be reached.")
    expect(page.locator("#model")).to_have_attribute("data-state", "away")


def test_a_page_without_its_configuration_says_so_and_can_try_again(visit: Callable[..., Page], server: Any) -> None:
    page = visit(server)
    page.route("**/page/about.json", lambda route: route.abort())
    page.reload()
    expect(page.locator("#opening-trouble")).to_contain_text("The server cannot be reached.")
    page.unroute("**/page/about.json")
    page.get_by_role("button", name="Try again").click()
    page.locator("#clips button").first.wait_for()
    expect(page.locator("#opening-trouble")).to_be_empty()


def test_an_address_with_a_password_works(visit: Callable[..., Page], server: Any) -> None:
    page = visit(SimpleNamespace(url=server.url.replace("//", "//any:secret@")))
    assert "secret" in page.evaluate("() => document.baseURI")
    page.get_by_role("button", name="A farmyard").click()
    wait_for(page, "dense_caption")
    with page.expect_download():
        page.locator("[data-format=srt]").click()
    assert "secret" not in page.locator("#code").inner_text()


def test_an_answer_that_is_not_saved_is_announced_until_it_is(desk: Page) -> None:
    words = "farmyard.srt was not saved. The request got no response"
    desk.route("**/page/written/srt", lambda route: route.abort())
    desk.locator("[data-format=srt]").click()
    expect(desk.locator("#announcer")).to_contain_text(words)
    expect(desk.locator("#result-about")).to_contain_text(words)
    desk.unroute("**/page/written/srt")
    with desk.expect_download():
        desk.locator("[data-format=srt]").click()
    expect(desk.locator("#result-about")).to_contain_text("2 events")


def test_an_answer_is_saved_under_the_name_of_its_recording(desk: Page, encoded: Callable[..., bytes]) -> None:
    held: list[Route] = []
    desk.route("**/page/written/srt", lambda route: held.append(route))
    with desk.expect_request("**/page/written/srt"):
        desk.locator("[data-format=srt]").click()
    give(desk, "next.wav", encoded("wav", 2.0))
    expect(desk.locator("#name")).to_have_text("next.wav")
    wait_for(desk, "dense_caption")
    with desk.expect_download() as download:
        held[0].continue_()
    assert download.value.suggested_filename == "farmyard.srt"
    desk.unroute("**/page/written/srt")


def test_an_empty_query_is_not_sent_and_the_field_gets_the_focus(desk: Page) -> None:
    find(desk, "   ")
    expect(desk.locator("#query")).to_be_focused()
    expect(desk.locator(".group-ground")).to_have_count(0)


def test_what_decoding_changed_is_shown_beside_the_answer(opening: Page) -> None:
    tone = (8000 * np.sin(np.arange(48_000) * 0.2)).astype(np.float32)  # floats in the range of 16-bit samples
    form = struct.pack("<HHIIHH", 3, 1, 16_000, 64_000, 4, 32)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", tone.nbytes) + tone.tobytes()
    give(opening, "loud.wav", b"RIFF" + struct.pack("<I", len(body)) + body)
    opening.locator(f"{STATUS}[data-state=done]").wait_for()
    expect(opening.locator("#result-warnings")).to_contain_text("The samples were scaled to full scale")
