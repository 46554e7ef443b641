"""Using the page with a recording, in a real browser with a real server."""

import base64
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from tests.e2e.page.conftest import CLIP
from timeaudio.formats import FORMAT_NAMES, FORMATS

NOW = re.compile(r"\bnow\b")


def wait_for(page: Page, task: str, state: str = "done") -> None:
    page.locator(f".group-{task} .status[data-state={state}]").wait_for()


def find(page: Page, words: str) -> None:
    page.locator("#query").fill(words)
    page.locator("#query").press("Enter")


def ask(page: Page, words: str) -> None:
    page.locator("#question").fill(words)
    page.locator("#question").press("Enter")


def position(page: Page) -> float:
    return float(page.locator("#seek").get_attribute("aria-valuenow") or 0)


def spans(page: Page, selector: str) -> list[tuple[float, float]]:
    bars = page.locator(selector).all()
    return [(float(b.get_attribute("data-start") or -1), float(b.get_attribute("data-end") or -1)) for b in bars]


def answer_of(server: Any, route: str, **fields: str) -> httpx.Response:
    with server.client() as client, CLIP.open("rb") as file:
        response = client.post(f"/v1/{route}", data=fields, files={"file": (CLIP.name, file)})
    return response.raise_for_status()


def test_an_uploaded_file_is_shown_as_the_api_answers(desk: Page, server: Any) -> None:
    [event] = answer_of(server, "dense-caption").json()["events"]
    intervals = [(interval["start"], interval["end"]) for interval in event["intervals"]]
    assert spans(desk, ".group-dense_caption .bar") == intervals
    assert spans(desk, "#rows tr") == intervals
    expect(desk.locator(".group-dense_caption .lane-name")).to_have_text([event["caption"].rstrip(".")])
    expect(desk.locator("#rows .what").first).to_have_text(event["caption"])
    expect(desk.locator("#about")).to_contain_text("0:12.0")


def test_a_bundled_clip_is_one_click_away(opening: Page) -> None:
    opening.get_by_role("button", name="A farmyard").click()
    wait_for(opening, "dense_caption")
    expect(opening.locator("#name")).to_have_text("farmyard.flac")


def test_a_dropped_file_is_analysed(opening: Page) -> None:
    opening.evaluate(
        """(base64) => {
            const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([bytes], "dropped.flac", { type: "audio/flac" }));
            const drop = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
            document.getElementById("drop").dispatchEvent(drop);
        }""",
        base64.b64encode(CLIP.read_bytes()).decode(),
    )
    wait_for(opening, "dense_caption")
    expect(opening.locator("#name")).to_have_text("dropped.flac")


def test_events_appear_while_the_answer_is_still_generated(desk: Page) -> None:
    ask(desk, "slowly, how often does it bark?")
    desk.locator(".group-ask .bar").wait_for()
    assert desk.locator(".group-ask .status").get_attribute("data-state") == "listening"
    wait_for(desk, "ask")
    expect(desk.locator(".group-ask .status-answer")).to_have_text("SLOWLY, HOW OFTEN DOES IT BARK?")


def test_a_click_on_a_bar_plays_its_interval(desk: Page) -> None:
    find(desk, "rain")
    wait_for(desk, "ground")
    ask(desk, "how often?")  # the answer has the interval 0.0 to 0.1
    wait_for(desk, "ask")
    # A tenth of a second may end before the test looks, so record every label of the button.
    desk.evaluate(
        """() => {
            const play = document.querySelector("#play");
            window.labels = [];
            const watch = new MutationObserver(() => window.labels.push(play.ariaLabel));
            watch.observe(play, {attributeFilter: ["aria-label"]});
        }"""
    )
    desk.locator(".group-ask .bar").click()
    desk.wait_for_function("() => window.labels.includes('Pause') && window.labels.at(-1) === 'Play'")
    assert 0.05 <= position(desk) <= 0.25
    desk.locator(".group-ground .bar").click()
    expect(desk.locator("#play")).to_have_accessible_name("Pause")
    expect(desk.locator(".group-ground .bar")).to_have_class(NOW)
    assert 0.1 <= position(desk) < 6.0


def test_a_row_of_the_table_plays_too_and_highlights_its_bar(desk: Page) -> None:
    bar = desk.locator(".group-dense_caption .bar").nth(1)
    row = desk.locator("#rows tr").nth(1)
    row.hover()
    expect(bar).to_have_class(re.compile("pointed"))
    row.click()
    expect(desk.locator("#play")).to_have_accessible_name("Pause")
    expect(row).to_have_class(NOW)
    assert position(desk) >= 5.9
    desk.keyboard.press("Escape")
    expect(desk.locator("#play")).to_have_accessible_name("Play")


def test_hovering_a_bar_shows_its_times_and_confidence(desk: Page) -> None:
    desk.locator(".group-dense_caption .bar").first.hover()
    expect(desk.locator("#tip")).to_contain_text('A dog says "wow" --> twice.')
    expect(desk.locator("#tip")).to_contain_text("0:00.0 – 0:06.0")
    expect(desk.locator("#tip")).to_contain_text("confidence not calibrated")


def test_each_query_has_a_lane_that_says_if_it_is_absent(desk: Page) -> None:
    find(desk, "rain")
    wait_for(desk, "ground")
    expect(desk.locator(".group-ground .bar")).to_have_count(1)
    find(desk, "nothing")
    expect(desk.locator(".group-ground").nth(1)).to_contain_text("“nothing”Not found")
    expect(desk.locator("#table")).to_be_hidden()
    find(desk, "rain")  # a repeated query replaces its old lane
    expect(desk.locator(".group-ground")).to_have_count(2)
    desk.get_by_role("button", name="Remove “nothing”").click()
    expect(desk.locator(".group-ground")).to_have_count(1)


def test_a_summary_is_shown_as_segments(desk: Page) -> None:
    desk.locator("#summarize").click()
    wait_for(desk, "summarize")
    expect(desk.locator(".group-summarize .bar-text")).to_have_text(["Hello.", "Goodbye."])
    expect(desk.locator("#rows .what")).to_have_text(["Hello.", "Goodbye."])


def test_saved_files_equal_those_of_the_api(desk: Page, server: Any) -> None:
    expect(desk.locator("[data-format]")).to_have_count(len(FORMAT_NAMES))
    for name in FORMAT_NAMES:
        with desk.expect_download() as download:
            desk.locator(f"[data-format={name}]").click()
        assert download.value.suggested_filename == "farmyard" + FORMATS[name].suffix
        saved = Path(download.value.path()).read_text(encoding="utf-8")
        expected = answer_of(server, "dense-caption", response_format=name).text
        if FORMATS[name].media_type.endswith("json"):
            saved, expected = timeless(json.loads(saved)), timeless(json.loads(expected))
        assert saved == expected


def timeless(value: Any) -> Any:
    """Remove what differs between requests: ids and timings."""
    if isinstance(value, dict):
        return {name: timeless(item) for name, item in value.items() if name not in ("id", "timing", "timeaudio_id")}
    return [timeless(item) for item in value] if isinstance(value, list) else value


def test_the_copied_requests_give_the_same_results_as_the_page(desk: Page, tmp_path: Path) -> None:
    words = """it's "rain" \\ $HOME; @x"""
    find(desk, words)
    wait_for(desk, "ground")
    on_page = spans(desk, ".group-ground .bar")
    (tmp_path / "farmyard.flac").write_bytes(CLIP.read_bytes())
    desk.get_by_role("tab", name="curl").click()
    command = desk.locator("#code").inner_text()
    answered = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    [result] = json.loads(answered.stdout)["results"]
    assert result["query"] == words
    assert [(interval["start"], interval["end"]) for interval in result["intervals"]] == on_page
    desk.get_by_role("tab", name="Python").click()
    script = desk.locator("#code").inner_text()
    printed = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert printed.stdout.startswith(words + " True (Interval(start=0.1")


def test_copy_puts_the_request_on_the_clipboard(desk: Page) -> None:
    desk.locator("#copy").click()
    expect(desk.locator("#copy")).to_have_text("Copied")
    assert desk.evaluate("() => navigator.clipboard.readText()") == desk.locator("#code").inner_text()


def test_the_microphone_is_recorded_and_analysed(opening: Page) -> None:
    opening.locator("#record").click()
    expect(opening.locator("#recorded")).to_have_text(re.compile(r"0:0[1-9]\.\d"), timeout=10_000)
    opening.locator("#stop-recording").click()
    wait_for(opening, "dense_caption")
    expect(opening.locator("#name")).to_contain_text("recording ")
    seconds = spans(opening, ".group-dense_caption .bar")[-1][1]
    assert 0.9 <= seconds <= 3.0


def test_a_recording_can_be_discarded(opening: Page) -> None:
    opening.locator("#record").click()
    opening.locator("#live canvas").first.wait_for()
    opening.locator("#drop-recording").click()
    expect(opening.locator("#drop")).to_be_visible()
    expect(opening.locator("#desk")).to_be_hidden()
