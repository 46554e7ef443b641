"""Fixtures: a headless Chromium, a server, and pages of that server."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserType, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = (
    "--no-sandbox",  # the sandbox does not work for root in a container
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",  # allows the microphone,
    "--use-fake-device-for-media-stream",  # which records beeps
)
WITHIN_MS = 10_000
PERMISSIONS = ("microphone", "clipboard-read", "clipboard-write")
CLIP = Path(__file__).parents[3] / "server" / "playground" / "clips" / "farmyard.flac"


def find_chromium(kind: BrowserType) -> str:
    """Return the path of an installed Chromium, or of the one from `playwright install`."""
    found = [os.environ.get("CHROMIUM"), *map(shutil.which, NAMES), kind.executable_path]
    return next((path for path in found if path and Path(path).exists()), "")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser per module, not longer: while Playwright runs, asyncio.run does not work in this thread."""
    with sync_playwright() as playwright:
        path = find_chromium(playwright.chromium)
        if not path:
            pytest.skip("No Chromium here: apt-get install chromium, or playwright install chromium, or set CHROMIUM.")
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def server(run_server: Callable[..., Any]) -> Iterator[Any]:
    """tests/scripted_engine.py with small limits: two concurrent requests, recordings of 15 s and 3 MB."""
    limits = {
        "TIMEAUDIO_LIMITS__QUEUED_REQUESTS": "2",
        "TIMEAUDIO_LIMITS__AUDIO_SECONDS": "15",
        "TIMEAUDIO_LIMITS__UPLOAD_BYTES": "3000000",
    }
    with run_server(module="tests.scripted_engine", **limits) as server:
        yield server


@pytest.fixture(scope="module")
def faults() -> list[str]:
    """Errors in the consoles of the pages."""
    return []


@pytest.fixture(autouse=True)
def no_faults(faults: list[str]) -> Iterator[None]:
    """Fail a test if a page's console has errors, such as exceptions or violations of the security policy."""
    faults.clear()
    yield
    assert faults == []


@pytest.fixture(scope="module")
def visit(browser: Browser, faults: list[str]) -> Iterator[Callable[..., Page]]:
    """`visit(server, color_scheme="dark")`: a loaded page in its own browser context."""
    with ExitStack() as stack:

        def open_page(server: Any, **options: Any) -> Page:
            page = stack.enter_context(browser.new_context(permissions=PERMISSIONS, **options)).new_page()
            page.set_default_timeout(WITHIN_MS)
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda line: faults.append(line.text) if is_fault(line.type, line.text) else None)
            page.goto(server.url)
            page.locator("#model[data-state=ready]").wait_for()
            page.locator("#clips button").first.wait_for()
            return page

        yield open_page


@pytest.fixture(scope="module")
def shared(visit: Callable[..., Page], server: Any) -> Page:
    """One page for most tests, because loading it takes longer than using it."""
    return visit(server)


@pytest.fixture
def opening(shared: Page) -> Page:
    """The page before a recording is chosen."""
    if shared.locator("#desk").is_visible():
        shared.locator("#close").click()
    return shared


@pytest.fixture
def desk(opening: Page) -> Page:
    """The page with the clip after its analysis."""
    opening.locator("#file").set_input_files(CLIP)
    opening.locator(".group-dense_caption .status[data-state=done]").wait_for()
    return opening


def is_fault(kind: str, text: str) -> bool:
    # The browser logs HTTP error statuses as errors; the page shows them to its user.
    return kind == "error" and not text.startswith("Failed to load resource")
