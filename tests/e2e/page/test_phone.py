"""The page on a phone, 390 pixels wide: labels do not collide, and no line crosses words."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.page.conftest import CLIP
from tests.e2e.page.test_playground import ask, find, wait_for

PHONE = {"width": 390, "height": 844}

# Pairs of visible words, of one kind, whose boxes overlap.
COLLISIONS = """(selector) => {
    const boxes = [...document.querySelectorAll(selector)].filter((each) => each.checkVisibility())
        .map((each) => [each.textContent, each.getBoundingClientRect()]);
    const isOver = (one, other) => one.left < other.right - 0.5 && other.left < one.right - 0.5
        && one.top < other.bottom - 0.5 && other.top < one.bottom - 0.5;
    return boxes.flatMap(([words, box], index) =>
        boxes.slice(index + 1).filter(([, other]) => isOver(box, other)).map(([others]) => [words, others]));
}"""


@pytest.fixture(scope="module")
def phone(visit: Callable[..., Page], server: Any) -> Page:
    return visit(server, viewport=PHONE, has_touch=True)


def collisions(page: Page, selector: str) -> Any:
    return page.evaluate(COLLISIONS, selector)


@pytest.mark.parametrize("width", [328, 358, 900])
def test_time_marks_do_not_collide_or_overflow(phone: Page, width: int) -> None:
    for duration in [0.5, 5, 9.9, 12, 25, 59, 61, 119.9, 150, 605, 1234, 3599, 3600, 7200]:
        number, overlaps, right = phone.evaluate(
            """async ([duration, width]) => {
                const { drawRuler } = await import("./page/js/ruler.js");
                const place = document.createElement("div");
                place.className = "ruler trial";
                Object.assign(place.style, { position: "absolute", top: 0, left: 0, width: `${width}px` });
                document.body.append(place);
                drawRuler(place, duration, width);
                const marks = [...place.querySelectorAll(".mark")];
                const measured = [
                    marks.length,
                    (COLLISIONS)(".trial .mark"),
                    Math.max(...marks.map((mark) => mark.getBoundingClientRect().right)),
                ];
                place.remove();
                return measured;
            }""".replace("COLLISIONS", COLLISIONS),
            [duration, width],
        )
        assert number >= 3
        assert overlaps == []
        assert right <= width + 0.5


def test_names_and_statuses_do_not_collide(phone: Page) -> None:
    phone.locator("#file").set_input_files(CLIP)
    wait_for(phone, "dense_caption")
    find(phone, "a rooster that crows early in the morning behind the barn")
    find(phone, "nothing")
    ask(phone, "how often?")
    wait_for(phone, "ask")
    phone.locator("#summarize").click()
    wait_for(phone, "summarize")
    words = ".mark, .lane-name > span, .status-title, .status-words, .status-answer, .part-range, .status button"
    assert [pair for pair in collisions(phone, words) if pair[0] != pair[1]] == []
    assert phone.evaluate("() => document.documentElement.scrollWidth") == PHONE["width"]


def test_the_table_shows_confidence(phone: Page) -> None:
    heads = phone.locator("#table th").filter(visible=True)
    expect(heads).to_have_text(["From", "To", "What", "Confidence"])
    assert phone.evaluate("() => document.querySelector('#table').scrollWidth") <= PHONE["width"]


def test_no_line_is_cut_in_half_below_an_ellipsis(phone: Page) -> None:
    cut = phone.evaluate(
        """async () => {
            const { Group } = await import("./page/js/lanes.js");
            const summary = "She greets her listeners and talks of the weather, at length. ".repeat(4);
            const answer = { segments: [{ start: 0, end: 100, confidence: null, summary }] };
            const group = new Group({ id: 99, task: "summarize", answer }, 0);
            group.draw(100);
            document.getElementById("groups").append(group.element);
            const words = group.element.querySelector(".bar-text");
            const style = getComputedStyle(words);
            const lines = words.clientHeight / Number.parseFloat(style.lineHeight);
            const fits = words.getBoundingClientRect().bottom <= words.parentElement.getBoundingClientRect().bottom;
            group.element.remove();
            return [lines, fits];
        }"""
    )
    assert cut == [pytest.approx(2.0, abs=0.03), True]


def test_no_line_crosses_the_words_about_a_file_that_cannot_be_shown(phone: Page) -> None:
    notes = {"name": "notes.wav", "mimeType": "audio/wav", "buffer": b"these are notes, and no sound"}
    phone.locator("#file").set_input_files(notes)
    wait_for(phone, "dense_caption", "failed")
    expect(phone.locator("#unseen")).to_be_visible()
    for line in ("#waveform", ".playhead"):
        expect(phone.locator(line)).to_have_css("visibility", "hidden")
    phone.locator("#file").set_input_files(CLIP)
    wait_for(phone, "dense_caption")
    for line in ("#waveform", ".playhead"):
        expect(phone.locator(line)).to_have_css("visibility", "visible")


def test_the_playhead_does_not_cross_a_status(phone: Page) -> None:
    status = phone.locator(".status").first
    expect(status).to_have_css("background-color", re.compile(r"rgb\(\d+, \d+, \d+\)"))
    order = "(element) => Number(getComputedStyle(element).zIndex)"
    assert status.evaluate(order) > phone.locator(".playhead").evaluate(order)
