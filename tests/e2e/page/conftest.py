"""A headless Chromium, and pages of it on a server."""

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
    "--no-sandbox",  # root in a container has none
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",  # the microphone is allowed,
    "--use-fake-device-for-media-stream",  # and beeps
)
WITHIN_MS = 10_000
PERMISSIONS = ("microphone", "clipboard-read", "clipboard-write")
CLIP = Path(__file__).parents[3] / "server" / "page" / "clips" / "farmyard.flac"


def find_chromium(kind: BrowserType) -> str:
    """A Chromium of this machine, or the one that `playwright install` brought."""
    found = [os.environ.get("CHROMIUM"), *map(shutil.which, NAMES), kind.executable_path]
    return next((path for path in found if path and Path(path).exists()), "")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One per module, and no longer: while Playwright runs, asyncio.run does not work in this thread."""
    with sync_playwright() as playwright:
        path = find_chromium(playwright.chromium)
        if not path:
            pytest.skip("No Chromium here: apt-get install chromium, or playwright install chromium, or set CHROMIUM.")
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def server(run_server: Callable[..., Any]) -> Iterator[Any]:
    """tests/scripted_engine.py with narrow limits: two requests at once, recordings of 15 s and 3 MB."""
    limits = {
        "TIMEAUDIO_LIMITS__QUEUED_REQUESTS": "2",
        "TIMEAUDIO_LIMITS__AUDIO_SECONDS": "15",
        "TIMEAUDIO_LIMITS__UPLOAD_BYTES": "3000000",
    }
    with run_server(module="tests.scripted_engine", **limits) as server:
        yield server


@pytest.fixture(scope="module")
def faults() -> list[str]:
    """What pages did wrong, by their console."""
    return []


@pytest.fixture(autouse=True)
def no_faults(faults: list[str]) -> Iterator[None]:
    """A test fails of whatever its pages' consoles say against them: scripts that throw, policies that are broken."""
    faults.clear()
    yield
    assert faults == []


@pytest.fixture(scope="module")
def visit(browser: Browser, faults: list[str]) -> Iterator[Callable[..., Page]]:
    """`visit(server, color_scheme="dark")`: a page in a window of its own, ready."""
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
    """One page for most tests: loading it takes longer than using it."""
    return visit(server)


@pytest.fixture
def opening(shared: Page) -> Page:
    """The page before there is a recording."""
    if shared.locator("#desk").is_visible():
        shared.locator("#close").click()
    return shared


@pytest.fixture
def desk(opening: Page) -> Page:
    """The page with the clip on it, heard."""
    opening.locator("#file").set_input_files(CLIP)
    opening.locator(".group-dense_caption .status[data-state=done]").wait_for()
    return opening


def is_fault(kind: str, text: str) -> bool:
    # The browser reports refusals as errors of its own; the page tells them to its reader.
    return kind == "error" and not text.startswith("Failed to load resource")
