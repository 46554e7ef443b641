"""The page over a checkpoint that was trained for two tasks of four."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from model.checkpoint import EMBEDDED
from tests.e2e.page.conftest import CLIP
from tests.e2e.page.test_playground import answer_of, find, spans, wait_for


@pytest.fixture(scope="module")
def trained(run_server: Callable[..., Any]) -> Iterator[Any]:
    if not (EMBEDDED / "config.json").exists():
        pytest.skip("No embedded checkpoint here: timeaudio train makes one.")
    with run_server() as server:
        yield server


def test_only_what_the_checkpoint_knows_is_offered_and_heard_as_by_the_api(
    visit: Callable[..., Page], trained: Any
) -> None:
    page = visit(trained)
    page.locator("#file").set_input_files(CLIP)
    wait_for(page, "dense_caption")
    with trained.client() as client:
        [model] = client.get("/v1/models").json()["data"]
    offered = {task.get_attribute("data-task"): task.is_visible() for task in page.locator(".asking [data-task]").all()}
    assert offered == {task: task in model["tasks"] for task in ("dense_caption", "ground", "ask", "summarize")}
    expect(page.locator("#model")).to_have_text(model["id"])
    events = answer_of(trained, "dense-caption").json()["events"]
    told = sorted((interval["start"], interval["end"]) for event in events for interval in event["intervals"])
    assert spans(page, "#rows tr") == told
    assert len(told) >= 1
    find(page, "a dog barks")
    wait_for(page, "ground")
    [result] = answer_of(trained, "ground", query="a dog barks").json()["results"]
    assert spans(page, ".group-ground .bar") == [(i["start"], i["end"]) for i in result["intervals"]]
