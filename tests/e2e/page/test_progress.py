"""While a long recording is analysed, the page shows how much is uploaded, then how many passes are done."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.page.conftest import CLIP
from tests.e2e.page.test_playground import wait_for

STATUS = ".group-dense_caption .status"
WATCH = """() => {
    window.states = [];
    new MutationObserver(() => {
        const words = document.querySelector(".status-words");
        if (words) window.states.push([words.textContent, document.querySelector(".status progress")?.value ?? null]);
    }).observe(document.querySelector("#groups"), { childList: true, subtree: true });
}"""


@pytest.fixture(scope="module")
def short_passes(run_server: Callable[..., Any]) -> Iterator[Any]:
    with run_server(module="tests.scripted_engine", TIMEAUDIO_PASSES__SECONDS="10") as server:
        yield server


def give(page: Page, body: bytes) -> list[tuple[str, float | None]]:
    """Open a recording, and return every status that was shown, with the value of the bar, until the answer."""
    page.evaluate(WATCH)
    page.locator("#file").set_input_files({"name": "long.wav", "mimeType": "audio/wav", "buffer": body})
    wait_for(page, "dense_caption")
    expect(page.locator(f"{STATUS} progress")).to_have_count(0)
    shown: list[tuple[str, float | None]] = page.evaluate("() => window.states")
    return list(dict.fromkeys((words, value) for words, value in shown))


def test_the_passes_of_a_long_recording_are_counted(
    visit: Callable[..., Page], short_passes: Any, tone_wav: Callable[..., bytes]
) -> None:
    page = visit(short_passes)
    page.evaluate("() => (window.requestAnimationFrame = queueMicrotask)")  # this server counts faster than frames come
    shown = give(page, tone_wav(40.0, rate=8000))
    found = [(match, value) for words, value in shown if (match := re.search(r", (\d) of 6 passes$", words))]
    counted = {int(match[1]): value for match, value in found}
    assert counted == {done: pytest.approx(done / 6) for done in range(7)}
    shown = give(page, tone_wav(5.0))
    assert not any("passes" in words for words, _ in shown)


def test_a_stream_of_many_events_is_drawn_once_per_frame(visit: Callable[..., Page], short_passes: Any) -> None:
    page = visit(short_passes)
    events = [
        {"caption": "Rain falls.", "intervals": [{"start": start, "end": start + 1, "confidence": None}]}
        for start in range(500)
    ]
    answer = {"events": events, "audio": {"duration": 500, "start": 0}, "model": "scripted"}
    messages = [*(("event", event) for event in events), ("done", answer)]
    body = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in messages)
    page.route("**/v1/dense-caption", lambda route: route.fulfill(content_type="text/event-stream", body=body))
    page.evaluate(
        """() => {
            const rows = document.querySelector("#rows");
            window.numDrawn = 0;
            rows.replaceChildren = (...given) => {
                window.numDrawn++;
                Element.prototype.replaceChildren.apply(rows, given);
            };
        }"""
    )
    page.locator("#file").set_input_files(CLIP)
    wait_for(page, "dense_caption")
    expect(page.locator("#rows tr")).to_have_count(500)
    expect(page.locator(".status-words")).to_have_text("500 events")
    assert 0 < page.evaluate("() => window.numDrawn") < 50


def upload_at(page: Page, bytes_per_s: int) -> None:
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_s}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)


def test_the_share_that_is_uploaded_is_shown(
    visit: Callable[..., Page], short_passes: Any, tone_wav: Callable[..., bytes]
) -> None:
    page = visit(short_passes)
    upload_at(page, 1_000_000)
    shown = give(page, tone_wav(60.0))
    shares = {int(match[1]): value for words, value in shown if (match := re.match(r"Uploading, (\d+) %", words))}
    assert any(0 < share < 100 for share in shares)
    assert list(shares) == sorted(shares)
    assert all(value == pytest.approx(share / 100, abs=0.005) for share, value in shares.items())


def test_an_upload_can_be_stopped_while_its_share_changes(
    visit: Callable[..., Page], short_passes: Any, tone_wav: Callable[..., bytes]
) -> None:
    page = visit(short_passes)
    upload_at(page, 100_000)
    page.locator("#file").set_input_files({"name": "long.wav", "mimeType": "audio/wav", "buffer": tone_wav(60.0)})
    words = page.locator(f"{STATUS} .status-words")
    expect(words).to_have_text(re.compile(r"Uploading, \d+ %"))
    page.get_by_role("button", name="Stop", exact=True).hover()
    page.mouse.down()
    shown = words.inner_text()
    expect(words).not_to_have_text(shown)  # redrawn while the button is pressed
    page.mouse.up()
    page.locator(f"{STATUS}[data-state=stopped]").wait_for()
