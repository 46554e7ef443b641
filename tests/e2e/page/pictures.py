"""Take the pictures of the page in docs/ (`make pictures`). Needs port 8000, which they show. Check them afterwards."""

import io
import wave
from pathlib import Path

import av
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.conftest import Server, running
from tests.e2e.page.conftest import ARGUMENTS, CLIP, find_chromium

DOCS = Path(__file__).parents[3] / "docs" / "pictures"
DESK = {"width": 1200, "height": 820}
PHONE = {"width": 390, "height": 844}
RATE_HZ = 16_000


def twice(clip: Path) -> bytes:
    """Return the clip repeated twice, as a WAV file."""
    with av.open(str(clip)) as container:
        once = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)])
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        writer.writeframes(np.tile(once, 2).astype("<i2").tobytes())
    return file.getvalue()


def analyse(page: Page) -> None:
    page.get_by_role("button", name="A farmyard").click()
    page.locator(".group-dense_caption .status[data-state=done]").wait_for()


def at(page: Page, seconds: int) -> None:
    page.locator("#seek").focus()
    for _ in range(seconds):
        page.keyboard.press("ArrowRight")
    page.evaluate("() => document.activeElement.blur()")
    page.wait_for_timeout(300)


def visit(browser: Browser, server: Server, **options: object) -> Page:
    page = browser.new_context(base_url=server.url, reduced_motion="reduce", **options).new_page()  # type: ignore[arg-type]
    page.goto("/")
    page.locator("#model[data-state=ready]").wait_for()
    page.locator("#clips button").first.wait_for()
    return page


def take(browser: Browser, server: Server, folder: Path) -> None:
    """Take all pictures."""
    page = visit(browser, server, viewport=DESK, color_scheme="light")
    page.wait_for_timeout(300)
    page.screenshot(path=folder / "page-opening.png")
    analyse(page)
    at(page, 5)
    page.screenshot(path=folder / "page-light.png", full_page=True)
    page = visit(browser, server, viewport=DESK, color_scheme="dark")
    analyse(page)
    page.locator("#query").fill("a cat")
    page.locator("#query").press("Enter")
    page.locator(".group-ground .status[data-state=done]").wait_for()
    page.locator(".group-dense_caption .status-title").click()
    at(page, 9)
    page.locator(".bar").nth(1).hover()
    page.screenshot(path=folder / "page-dark.png")
    page = visit(browser, server, viewport=PHONE, color_scheme="light", device_scale_factor=2, is_mobile=True)
    analyse(page)
    at(page, 2)
    page.screenshot(path=folder / "page-narrow.png")
    page = visit(browser, server, viewport=DESK | {"height": 640}, color_scheme="light")
    page.locator("#file").set_input_files(
        {"name": "farmyard twice.wav", "mimeType": "audio/wav", "buffer": twice(CLIP)}
    )
    page.locator(".status[data-state=failed]").wait_for()
    page.evaluate("() => document.activeElement.blur()")
    page.screenshot(path=folder / "page-error.png")


def main() -> None:
    DOCS.mkdir(parents=True, exist_ok=True)
    with running(port=8000, TIMEAUDIO_LIMITS__AUDIO_SECONDS="15") as server, sync_playwright() as playwright:
        kind = playwright.chromium
        take(kind.launch(executable_path=find_chromium(kind), args=ARGUMENTS), server, DOCS)
    for path in sorted(DOCS.glob("page-*.png")):
        print(f"{path.relative_to(DOCS.parents[1])}  {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
