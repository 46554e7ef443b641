"""The microphone is on only while the page shows that it records."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.page.conftest import CLIP
from tests.e2e.page.test_playground import spans, wait_for

# The browser asks for permission until window.allow() is called.
PROMPT = """() => {
    const devices = navigator.mediaDevices;
    const original = MediaDevices.prototype.getUserMedia.bind(devices);
    window.tracks = [];
    const allowed = new Promise((resolve) => (window.allow = resolve));
    devices.getUserMedia = async (wanted) => {
        await allowed;
        const stream = await original(wanted);
        window.tracks.push(...stream.getTracks());
        return stream;
    };
}"""
IS_ON = "() => window.tracks.some(({ readyState }) => readyState === 'live')"
IS_OFF = "() => window.tracks.length > 0 && window.tracks.every(({ readyState }) => readyState === 'ended')"


@pytest.fixture
def prompting(opening: Page) -> Iterator[Page]:
    """The page, which asks for permission to use the microphone."""
    opening.evaluate(PROMPT)
    yield opening
    opening.evaluate("() => delete navigator.mediaDevices.getUserMedia")


def record(page: Page) -> None:
    page.evaluate("() => window.allow()")
    page.locator("#record").click()
    page.wait_for_function(IS_ON)
    expect(page.locator("#stop-recording")).to_be_focused()


@pytest.mark.parametrize("button", ["#drop-recording", "#stop-recording"])
def test_what_is_discarded_before_the_permission_is_never_recorded(prompting: Page, button: str) -> None:
    prompting.locator("#record").click()
    prompting.locator(button).click()
    expect(prompting.locator("#record")).to_be_focused()
    prompting.evaluate("() => window.allow()")
    prompting.wait_for_function(IS_OFF)
    expect(prompting.locator("#recorder")).to_be_hidden()
    expect(prompting.locator("#opening-trouble")).to_be_empty()
    record(prompting)
    prompting.locator("#drop-recording").click()
    prompting.wait_for_function(IS_OFF)


def test_opening_a_file_turns_the_microphone_off(prompting: Page) -> None:
    record(prompting)
    prompting.locator("#file").set_input_files(CLIP)
    prompting.wait_for_function(IS_OFF)
    wait_for(prompting, "dense_caption")
    expect(prompting.locator("#name")).to_have_text("farmyard.flac")
    prompting.locator("#close").click()
    expect(prompting.locator("#drop")).to_be_visible()


def test_going_forward_to_a_recording_turns_the_microphone_off(prompting: Page) -> None:
    prompting.locator("#file").set_input_files(CLIP)
    wait_for(prompting, "dense_caption")
    prompting.go_back()
    record(prompting)
    prompting.go_forward()
    prompting.wait_for_function(IS_OFF)
    expect(prompting.locator("#desk")).to_be_visible()


def test_a_recording_that_cannot_be_decoded_is_an_error(prompting: Page) -> None:
    prompting.evaluate(
        "() => (OfflineAudioContext.prototype.decodeAudioData = () => Promise.reject(new Error('empty')))"
    )
    try:
        record(prompting)
        prompting.locator("#stop-recording").click()
        expect(prompting.locator("#opening-trouble")).to_contain_text("The recording cannot be used.")
        expect(prompting.locator("#record")).to_be_focused()
        assert prompting.evaluate(IS_OFF)
    finally:
        prompting.evaluate("() => delete OfflineAudioContext.prototype.decodeAudioData")


def test_a_recording_ends_before_it_is_too_large_to_be_sent(visit: Callable[..., Page], server: Any) -> None:
    def lower(route: Route) -> None:
        about = route.fetch().json()
        about["limits"]["upload_bytes"] = 33_000  # one second
        route.fulfill(body=json.dumps(about))

    page = visit(server)
    page.route("**/page/about.json", lower)
    page.reload()
    page.locator("#clips button").first.wait_for()
    page.locator("#record").click()
    wait_for(page, "dense_caption")
    expect(page.locator("#name")).to_have_text(re.compile("recording "))
    assert spans(page, ".group-dense_caption .bar")[-1][1] == pytest.approx(1.0, abs=0.1)
