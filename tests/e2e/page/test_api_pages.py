"""`/docs` and `/redoc` work without the internet."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg"
OUTSIDE = re.compile(r"(?:src|href)=\"(?:https?:)?//|url: '(?:https?:)?//")


@pytest.fixture(scope="module")
def client(server: Any) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.mark.parametrize(("path", "number"), [("/docs", 3), ("/redoc", 2)])
def test_the_pages_load_nothing_from_elsewhere(client: httpx.Client, path: str, number: int) -> None:
    page = client.get(path)
    assert page.headers["content-type"].startswith("text/html")
    assert not OUTSIDE.search(page.text)
    policy = page.headers["content-security-policy"]
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy
    files = re.findall(r"(?:src|href)=\"([^\"]+)\"", page.text)
    assert len(files) == number
    for file in files:
        assert client.get(httpx.URL(str(page.url)).join(file)).is_success


def test_the_scripts_are_cached_and_compressed(client: httpx.Client) -> None:
    script = client.get("/docs/swagger-ui-bundle.js")
    assert script.headers["content-encoding"] == "gzip"
    again = client.get("/docs/swagger-ui-bundle.js", headers={"If-None-Match": script.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/docs/core.py").status_code == 404


@pytest.mark.parametrize(
    ("path", "shown"), [("/docs", "#operations-tag-tasks, .opblock"), ("/redoc", "h1, [data-section-id]")]
)
def test_a_browser_shows_every_route(browser: Browser, server: Any, path: str, shown: str) -> None:
    page = browser.new_page()
    faults: list[str] = []
    outside: list[str] = []
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "request",
        lambda sent: outside.append(sent.url) if not sent.url.startswith((server.url, "data:", "blob:")) else None,
    )
    page.goto(server.url + path)
    page.locator(shown).first.wait_for()
    for route in ("/v1/dense-caption", "/v1/chat/completions"):
        expect(page.get_by_text(route).first).to_be_attached()
    page.close()
    # Redoc shows its maker's logo from elsewhere: the policy blocks it.
    assert [fault for fault in faults if LOGO not in fault] == []
    assert [url for url in outside if url != LOGO] == []
