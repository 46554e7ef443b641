"""The page with a checkpoint that supports two of the four tasks."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.page.conftest import CLIP
from tests.e2e.page.test_playground import answer_of, find, spans, wait_for


@pytest.fixture(scope="module")
def two_tasks(run_scripted: Callable[..., Any]) -> Iterator[Any]:
    with run_scripted() as server:
        yield server


def test_only_supported_tasks_are_offered_with_the_results_of_the_api(
    visit: Callable[..., Page], two_tasks: Any
) -> None:
    page = visit(two_tasks)
    page.locator("#file").set_input_files(CLIP)
    wait_for(page, "dense_caption")
    with two_tasks.client() as client:
        [model] = client.get("/v1/models").json()["data"]
    assert model["tasks"] == ["dense_caption", "ground"]
    offered = {task.get_attribute("data-task"): task.is_visible() for task in page.locator(".asking [data-task]").all()}
    assert offered == {"dense_caption": True, "ground": True, "ask": False, "summarize": False}
    expect(page.locator("#model")).to_have_text(model["id"])
    events = answer_of(two_tasks, "dense-caption").json()["events"]
    expected = sorted((interval["start"], interval["end"]) for event in events for interval in event["intervals"])
    assert spans(page, "#rows tr") == expected
    find(page, "a dog barks")
    wait_for(page, "ground")
    [result] = answer_of(two_tasks, "ground", query="a dog barks").json()["results"]
    assert spans(page, ".group-ground .bar") == [(i["start"], i["end"]) for i in result["intervals"]]
