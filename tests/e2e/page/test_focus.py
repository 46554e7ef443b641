"""The keyboard's focus is never lost, and screen readers hear each error once."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.page.conftest import CLIP
from tests.e2e.page.test_playground import ask, find, position, wait_for
from tests.e2e.page.test_returns import offline


def press(button: Locator) -> None:
    button.focus()
    button.press("Enter")


def test_the_focus_moves_to_a_neighbour_when_a_finding_is_removed(desk: Page) -> None:
    for words in ("rain", "wind"):
        find(desk, words)
    expect(desk.locator(".group-ground .status[data-state=done]")).to_have_count(2)
    titles = desk.locator(".status-title")
    press(desk.get_by_role("button", name="Remove “rain”"))
    expect(desk.locator(".group")).to_have_count(2)
    expect(titles.nth(1)).to_be_focused()  # the next
    press(desk.get_by_role("button", name="Remove “wind”"))
    expect(desk.locator(".group")).to_have_count(1)
    expect(titles.first).to_be_focused()  # there is none after it
    press(desk.get_by_role("button", name="Remove Everything"))
    expect(desk.locator("#query")).to_be_focused()


def test_the_focus_stays_in_the_line_whose_button_is_gone(desk: Page) -> None:
    title = desk.locator(".group-ask .status-title")
    ask(desk, "slowly, when?")
    press(desk.get_by_role("button", name="Stop", exact=True))
    wait_for(desk, "ask", "stopped")
    expect(title).to_be_focused()
    press(desk.get_by_role("button", name="Run again"))
    wait_for(desk, "ask", "listening")
    expect(title).to_be_focused()
    wait_for(desk, "ask")
    expect(title).to_be_focused()


def test_the_focus_moves_along_with_back_and_forward(desk: Page) -> None:
    desk.go_back()
    expect(desk.locator("#choose")).to_be_focused()
    desk.go_forward()
    expect(desk.locator("#play")).to_be_focused()
    press(desk.locator("#close"))
    expect(desk.locator("#choose")).to_be_focused()


def test_home_and_end_move_to_the_ends_of_the_recording(desk: Page) -> None:
    desk.locator("#seek").press("End")
    assert position(desk) == 12.0
    desk.locator("#seek").press("Home")
    assert position(desk) == 0.0


ALERTS = """() => {
    window.alerts = [];
    new MutationObserver((changes) => {
        for (const { addedNodes } of changes) for (const node of addedNodes) {
            const isAlert = node.matches?.("[role=alert]") || node.querySelector?.("[role=alert]");
            if (isAlert) window.alerts.push(node.textContent);
        }
    }).observe(document.querySelector("#groups"), { childList: true, subtree: true });
}"""


def test_an_error_is_not_repeated_when_another_request_is_made(desk: Page) -> None:
    desk.evaluate(ALERTS)
    with offline(desk):
        find(desk, "rain")
        wait_for(desk, "ground", "failed")
    pressed = desk.locator(".group-ground .status-title")
    expect(pressed).to_have_attribute("aria-pressed", "true")
    ask(desk, "how often?")
    wait_for(desk, "ask")
    expect(pressed).to_have_attribute("aria-pressed", "false")
    assert len(desk.evaluate("() => window.alerts")) == 1


@pytest.fixture
def busy(visit: Callable[..., Page], server: Any) -> Page:
    """A page whose server is always busy."""
    page = visit(server)
    busy = {"type": "urn:timeaudio:problem:overloaded", "title": "Busy", "detail": "Retry."}
    page.route("**/v1/dense-caption", lambda route: route.fulfill(status=429, headers={"retry-after": "9"}, json=busy))
    return page


def test_screen_readers_hear_that_the_server_is_busy(busy: Page) -> None:
    busy.locator("#file").set_input_files(CLIP)
    wait_for(busy, "dense_caption", "waiting")
    words = "Everything: The server is busy. Trying again in 9 s"
    expect(busy.locator("#announcer")).to_have_text(words)
    expect(busy.locator(".status-words")).to_contain_text("in 8 s")
    expect(busy.locator("#announcer")).to_have_text(words)  # once, not every second
