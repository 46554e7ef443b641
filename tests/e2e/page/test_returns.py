"""What the page keeps: answers when a later request fails, and clips after Back, Forward and reload."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.conftest import free_port
from tests.e2e.page.conftest import CLIP
from tests.e2e.page.test_playground import ask, find, spans, wait_for


@contextmanager
def offline(page: Page) -> Iterator[None]:
    page.context.set_offline(True)
    try:
        yield
    finally:
        page.context.set_offline(False)


def bars(page: Page) -> list[tuple[float, float]]:
    return spans(page, ".group-dense_caption .bar")


def test_the_status_turns_when_the_server_is_gone_and_back(
    visit: Callable[..., Page], run_server: Callable[..., Any]
) -> None:
    port = free_port()
    with run_server(module="tests.scripted_engine", port=port) as server:
        page = visit(server)
    gone = page.locator("#model[data-state=away]")
    expect(gone).to_have_text("The server cannot be reached.", timeout=15_000)
    with run_server(module="tests.scripted_engine", port=port):
        expect(page.locator("#model[data-state=ready]")).to_have_text("scripted", timeout=15_000)


def test_a_request_that_fails_shows_at_once_that_the_server_is_gone(desk: Page) -> None:
    with offline(desk):
        find(desk, "rain")
        wait_for(desk, "ground", "failed")
        expect(desk.locator("#model")).to_have_attribute("data-state", "away", timeout=2000)
    expect(desk.locator("#model")).to_have_attribute("data-state", "ready", timeout=10_000)


def test_a_repeated_request_that_fails_keeps_the_answer(desk: Page) -> None:
    before = bars(desk)
    rows = spans(desk, "#rows tr")
    with offline(desk):
        desk.locator("#dense_caption").click()
        wait_for(desk, "dense_caption", "failed")
        expect(desk.locator(".group-dense_caption .trouble")).to_contain_text("The request got no response")
        assert bars(desk) == before
        assert spans(desk, "#rows tr") == rows
        expect(desk.locator("#result-about")).to_have_text("2 events · previous answer")
        expect(desk.locator("[data-format=json]")).to_be_enabled()
    desk.get_by_role("button", name="Try again").click()
    wait_for(desk, "dense_caption")
    expect(desk.locator(".group-dense_caption .trouble")).to_have_count(0)


def test_a_repeated_request_that_is_stopped_keeps_the_answer(desk: Page) -> None:
    ask(desk, "slowly, when?")
    wait_for(desk, "ask")
    ask(desk, "slowly, when?")
    wait_for(desk, "ask", "listening")
    desk.keyboard.press("Escape")
    wait_for(desk, "ask")
    expect(desk.locator(".group-ask .status-answer")).to_have_text("SLOWLY, WHEN?")


def test_another_request_that_fails_leaves_the_last_answer_below(desk: Page) -> None:
    with offline(desk):
        find(desk, "rain")
        wait_for(desk, "ground", "failed")
    expect(desk.locator("#result-title")).to_have_text("Everything")
    assert spans(desk, "#rows tr") == bars(desk)


def open_clip(page: Page) -> None:
    page.get_by_role("button", name="A farmyard").click()
    wait_for(page, "dense_caption")
    find(page, "rain")
    wait_for(page, "ground")


def test_a_clip_and_its_answers_survive_a_reload(opening: Page) -> None:
    open_clip(opening)
    before = bars(opening)
    analysed: list[str] = []
    opening.on("request", lambda sent: analysed.append(sent.url) if sent.method == "POST" else None)
    opening.reload()
    wait_for(opening, "ground")
    assert bars(opening) == before
    expect(opening.locator("#name")).to_have_text("farmyard.flac")
    expect(opening.locator("#result-title")).to_have_text("“rain”")
    expect(opening.locator("#about")).to_contain_text("0:12.0")
    assert analysed == []
    opening.get_by_role("button", name="Remove “rain”").click()
    opening.reload()
    wait_for(opening, "dense_caption")
    expect(opening.locator(".group")).to_have_count(1)


def test_back_and_forward_lead_between_the_opening_and_a_clip(opening: Page, server: Any) -> None:
    open_clip(opening)
    before = bars(opening)
    opening.go_back()
    expect(opening.locator("#opening")).to_be_visible()
    expect(opening).to_have_title("TimeAudio")
    opening.go_forward()
    expect(opening.locator("#desk")).to_be_visible()
    assert bars(opening) == before
    opening.goto(f"{server.url}/livez")  # another page, as a link to the API would be
    opening.go_back()
    wait_for(opening, "ground")
    assert bars(opening) == before
    opening.locator("#close").click()
    opening.go_back()  # the page has let go of the recording, but remembers what was found
    wait_for(opening, "ground")
    assert bars(opening) == before


def test_back_keeps_any_recording_until_the_page_is_left(opening: Page) -> None:
    opening.locator("#file").set_input_files(CLIP)
    wait_for(opening, "dense_caption")
    before = bars(opening)
    opening.go_back()
    expect(opening.locator("#opening")).to_be_visible()
    opening.go_forward()
    expect(opening.locator("#desk")).to_be_visible()
    assert bars(opening) == before
    opening.reload()  # a file of the user's is not stored
    expect(opening.locator("#opening")).to_be_visible()
    assert "farmyard" not in opening.evaluate("() => JSON.stringify(history.state)")


def test_a_link_within_the_page_stays_in_the_visit(opening: Page) -> None:
    open_clip(opening)
    visit = opening.evaluate("() => history.state")
    opening.locator(".skip").press("Enter")
    opening.wait_for_url("**/#main")
    assert opening.evaluate("() => history.state") == visit
    opening.reload()
    wait_for(opening, "ground")
    expect(opening.locator("#name")).to_have_text("farmyard.flac")
