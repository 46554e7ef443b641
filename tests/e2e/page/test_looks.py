"""Accessibility, themes, the width of a phone, and the keyboard."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize, expect

from tests.e2e.page.conftest import CLIP
from tests.e2e.page.test_playground import ask, find, position, wait_for

PHONE = {"width": 360, "height": 740}
REFLOW = {"width": 320, "height": 256}  # WCAG 1.4.10: 1280 by 1024 pixels at a zoom of 400 %


def faults_of(page: Page) -> list[tuple[str, Any]]:
    """Return the violations of WCAG 2.2 A and AA and of the best practices that axe-core finds."""
    results = Axe().run(page).response
    assert len(results["passes"]) > 10  # axe-core did run
    found = results["violations"]
    return [(fault["id"], [node["html"][:160] for node in fault["nodes"]]) for fault in found]


def upload(page: Page) -> None:
    page.locator("#file").set_input_files(CLIP)
    wait_for(page, "dense_caption")


def finish_animations(page: Page) -> None:
    """Finish the animation of the bars before colours are measured."""
    page.evaluate("() => Promise.all(document.getAnimations().map((animation) => animation.finished))")


def test_axe_finds_no_violation_in_any_state_of_the_page(opening: Page) -> None:
    assert in_both_themes(opening) == []
    upload(opening)
    find(opening, "rain")
    find(opening, "nothing")
    ask(opening, "how often?")
    wait_for(opening, "ask")
    opening.locator("#summarize").click()
    wait_for(opening, "summarize")
    assert in_both_themes(opening) == []
    opening.locator("#show-keys").click()
    assert faults_of(opening) == []
    opening.keyboard.press("Escape")


def in_both_themes(page: Page) -> list[tuple[str, Any]]:
    faults = []
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        finish_animations(page)
        faults += faults_of(page)
    return faults


@pytest.mark.parametrize("size", [PHONE, REFLOW])
def test_a_phone_needs_no_horizontal_scrolling(opening: Page, size: ViewportSize) -> None:
    before = opening.viewport_size
    assert before
    opening.set_viewport_size(size)
    try:
        for arrive in (lambda: None, lambda: upload(opening), lambda: find(opening, "a" * 120)):
            arrive()
            assert opening.evaluate("() => document.documentElement.scrollWidth") == size["width"]
        name = opening.locator(".lane-name").first.bounding_box()
        bar = opening.locator(".bar").first.bounding_box()
        assert name
        assert bar
        assert name["y"] + name["height"] <= bar["y"] + 1  # the name is above its bar
        assert opening.evaluate(TOO_SMALL) == []
    finally:
        opening.set_viewport_size(before)


# WCAG 2.2, target size. Bars are excluded, because their length depends on their intervals.
TOO_SMALL = """() => [...document.querySelectorAll("button:not(.bar), a, input")]
    .filter((element) => element.checkVisibility() && !element.matches(".unseen, .skip, .unseen *"))
    .map((element) => [element.textContent, element.getBoundingClientRect()])
    .filter(([, { width, height }]) => Math.min(width, height) < 24)
    .map(([words]) => words)"""


def test_the_theme_follows_the_system_until_the_user_chooses_one(opening: Page) -> None:
    paper = "() => getComputedStyle(document.body).backgroundColor"
    opening.emulate_media(color_scheme="dark")
    dark = opening.evaluate(paper)
    opening.locator("#theme").click()
    expect(opening.locator("#theme")).to_have_accessible_name("Theme: light")
    light = opening.evaluate(paper)
    assert light != dark
    opening.reload()
    assert opening.evaluate(paper) == light
    expect(opening.locator("#theme")).to_have_accessible_name("Theme: light")
    opening.locator("#theme").click()
    opening.locator("#theme").click()
    expect(opening.locator("#theme")).to_have_accessible_name("Theme: system")
    opening.emulate_media(color_scheme="light")
    assert opening.evaluate(paper) == light
    opening.locator("#clips button").first.wait_for()


def test_high_contrast_keeps_triangles_and_marks_only_the_selected_tab(desk: Page) -> None:
    desk.emulate_media(forced_colors="active")
    try:
        for selector in ("#play", ".row-play"):
            shape, border = desk.locator(selector).first.evaluate(
                """(button) => {
                    const { clipPath, borderLeftWidth } = getComputedStyle(button, "::before");
                    return [clipPath, borderLeftWidth];
                }"""
            )
            assert (shape, border) == ("polygon(0px 0px, 100% 50%, 0px 100%)", "0px")
        lines = [
            desk.locator(tab).evaluate("(tab) => getComputedStyle(tab).borderBottomColor")
            for tab in ("[role=tab][aria-selected=true]", "[role=tab][aria-selected=false]")
        ]
        assert lines[0] != lines[1] == desk.evaluate("() => getComputedStyle(document.body).backgroundColor")
    finally:
        desk.emulate_media(forced_colors="none")


def test_the_keyboard_can_do_everything(opening: Page) -> None:
    page = opening
    page.reload()  # so that nothing has the focus
    page.locator("#clips button").first.wait_for()
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.get_by_role("button", name="A farmyard").focus()
    page.keyboard.press("Enter")
    wait_for(page, "dense_caption")
    page.keyboard.press("/")
    expect(page.locator("#query")).to_be_focused()
    page.keyboard.type("a / bark?")  # in a field, shortcuts are ordinary letters
    page.keyboard.press("Enter")
    wait_for(page, "ground")
    expect(page.locator(".group-ground .lane-name")).to_have_text(["a / bark?"])
    page.locator("#seek").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert position(page) == pytest.approx(1.1, abs=0.02)
    page.keyboard.press(" ")
    expect(page.locator("#play")).to_have_accessible_name("Pause")
    page.keyboard.press("Escape")
    expect(page.locator("#play")).to_have_accessible_name("Play")
    page.keyboard.press("ArrowDown")
    bars = page.locator(".bar")
    expect(bars.first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".group-ground .bar")).to_be_focused()  # 0.1 s comes before 5.9 s, whatever the lane
    expect(page.locator("#tip")).to_contain_text("a / bark?")
    page.keyboard.press("Enter")
    expect(page.locator("#play")).to_have_accessible_name("Pause")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()


def test_all_bars_are_one_tab_stop(desk: Page) -> None:
    find(desk, "rain")
    wait_for(desk, "ground")
    assert [bar.get_attribute("tabindex") for bar in desk.locator(".bar").all()] == ["0", "-1", "-1"]


def test_screen_readers_announce_results_and_bars(desk: Page) -> None:
    expect(desk.locator("#announcer")).to_have_text("Everything: 2 events")
    expect(desk.locator(".group-dense_caption .bar").nth(1)).to_have_accessible_name(
        'A dog says "wow" --> twice. From 5.9 seconds to 12 seconds. Confidence not calibrated.'
    )
    desk.locator("#seek").focus()
    desk.keyboard.press("ArrowRight")
    expect(desk.locator("#seek")).to_have_attribute("aria-valuetext", "1 second")


def test_zoom_widens_the_timeline_and_keeps_names_visible(desk: Page) -> None:
    sheet = desk.locator("#sheet")
    assert sheet.evaluate("(sheet) => sheet.scrollWidth <= sheet.clientWidth")
    for _ in range(4):
        desk.locator("#zoom-in").click()
    assert sheet.evaluate("(sheet) => sheet.scrollWidth > 4 * sheet.clientWidth")
    sheet.evaluate("(sheet) => (sheet.scrollLeft = 1500)")
    box, name = sheet.bounding_box(), desk.locator(".lane-name").first.bounding_box()
    assert box
    assert name
    assert name["x"] == box["x"]
    desk.keyboard.press("-")
    for _ in range(3):
        desk.locator("#zoom-out").click()
    expect(desk.locator("#zoom-out")).to_be_disabled()
