"""The slider that hides intervals of low confidence."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.page.conftest import CLIP
from tests.e2e.page.test_playground import answer_of, find, spans, wait_for

SURE = [("A dog barks.", 1.0, 3.0, 0.91), ("A dog barks.", 5.0, 6.0, 0.4), ("Rain falls.", 2.0, 12.0, 0.7)]


@pytest.fixture
def calibrated(visit: Callable[..., Page], server: Any) -> Iterator[Page]:
    """A page whose server answers with confidences."""
    answer = answer_of(server, "dense-caption").json()
    events: dict[str, list[dict[str, float]]] = {}
    for caption, start, end, confidence in SURE:
        events.setdefault(caption, []).append({"start": start, "end": end, "confidence": confidence})
    answer["events"] = [{"caption": caption, "intervals": intervals} for caption, intervals in events.items()]

    def respond(route: Route) -> None:
        route.fulfill(json=answer)

    page = visit(server)
    page.route("**/v1/dense-caption", respond)
    page.locator("#file").set_input_files(CLIP)
    wait_for(page, "dense_caption")
    yield page
    page.close()


def choose(page: Page, percent: int) -> None:
    page.locator("#least").fill(str(percent))


def shown(page: Page) -> list[tuple[float, float]]:
    return spans(page, ".item:not([hidden]) > .bar")


def test_less_confident_events_are_hidden_in_lanes_and_table(calibrated: Page) -> None:
    expect(calibrated.locator("#filter")).to_be_visible()
    assert len(shown(calibrated)) == 3
    choose(calibrated, 50)
    expect(calibrated.locator("#least-value")).to_have_text("50 %")
    assert shown(calibrated) == [(1.0, 3.0), (2.0, 12.0)]
    assert spans(calibrated, "#rows tr") == [(1.0, 3.0), (2.0, 12.0)]
    expect(calibrated.locator(".status-words")).to_have_text("2 events, 1 hidden")
    choose(calibrated, 75)
    expect(calibrated.locator(".lane-name").filter(visible=True)).to_have_text(["A dog barks"])
    choose(calibrated, 0)
    assert len(shown(calibrated)) == 3
    expect(calibrated.locator(".status-words")).to_have_text("3 events")


def test_downloads_and_request_code_follow_the_filter(calibrated: Page) -> None:
    assert "min_confidence" not in calibrated.locator("#code").inner_text()
    choose(calibrated, 75)
    assert "--form-string 'min_confidence=0.75'" in calibrated.locator("#code").inner_text()
    calibrated.get_by_role("tab", name="Python").click()
    assert 'client.dense_caption("farmyard.flac", min_confidence=0.75)' in calibrated.locator("#code").inner_text()
    with calibrated.expect_download() as download:
        calibrated.locator("[data-format=json]").click()
    events = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))["events"]
    assert [(event["caption"], len(event["intervals"])) for event in events] == [("A dog barks.", 1)]


def test_the_choice_is_remembered(calibrated: Page) -> None:
    choose(calibrated, 50)
    calibrated.reload()
    calibrated.locator("#file").set_input_files(CLIP)
    wait_for(calibrated, "dense_caption")
    expect(calibrated.locator("#least")).to_have_value("50")
    assert len(shown(calibrated)) == 2


def test_the_keyboard_skips_hidden_events(calibrated: Page) -> None:
    choose(calibrated, 75)
    calibrated.locator("#seek").focus()
    calibrated.keyboard.press("ArrowDown")
    calibrated.keyboard.press("ArrowDown")
    expect(calibrated.locator(".bar:focus")).to_have_attribute("data-start", "1")


def test_without_calibration_there_is_no_filter_and_nothing_is_hidden(visit: Callable[..., Page], server: Any) -> None:
    page = visit(server)
    page.evaluate("() => localStorage.setItem('least-confidence', '0.9')")
    page.reload()
    page.locator("#file").set_input_files(CLIP)
    wait_for(page, "dense_caption")
    find(page, "rain")
    wait_for(page, "ground")
    expect(page.locator("#filter")).to_be_hidden()
    assert len(shown(page)) == 3
    assert "min_confidence" not in page.locator("#code").inner_text()


@pytest.mark.parametrize(
    ("task", "answer", "kept"),
    [
        ("ground", {"results": [{"query": "q", "present": True, "intervals": [0.2]}]}, {"present": False}),
        ("ground", {"results": [{"query": "q", "present": True, "intervals": [0.2, 0.9]}]}, {"present": True}),
        ("ask", {"answer": "Yes.", "intervals": [0.2, 0.9]}, {"answer": "Yes."}),
    ],
)
def test_other_answers_are_filtered_as_the_server_does(
    opening: Page, task: str, answer: dict[str, Any], kept: dict[str, Any]
) -> None:
    def timed(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                k: [{"start": 0, "end": 1, "confidence": c} for c in v] if k == "intervals" else timed(v)
                for k, v in value.items()
            }
        return [timed(item) for item in value] if isinstance(value, list) else value

    filtered = opening.evaluate(
        """async ([task, answer]) => {
            const { leastConfidence, shownAnswer } = await import("./page/js/filter.js");
            document.getElementById("least").value = 50;
            document.getElementById("least").dispatchEvent(new Event("input"));
            const filtered = shownAnswer(task, answer);
            document.getElementById("least").value = 0;
            document.getElementById("least").dispatchEvent(new Event("input"));
            return filtered;
        }""",
        [task, timed(answer)],
    )
    found = filtered["results"][0] if task == "ground" else filtered
    assert all(interval["confidence"] >= 0.5 for interval in found["intervals"])
    assert {name: found[name] for name in kept} == kept
