"""Take the pictures of `timeaudio browse` in docs/ (`make pictures`). Check them afterwards."""

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.e2e.browse.archive_of_tones import write
from tests.e2e.browse.conftest import browsing
from tests.e2e.page.conftest import ARGUMENTS, find_chromium
from tests.e2e.page.pictures import DESK, DOCS, PHONE

ADDRESS = "?query=animals&after=2026-06-03&least=20"
# Stops in the middle of an event, whatever the speed of this machine.
PAUSE_AT = """(seconds) => {
    const sound = document.querySelector("#sound");
    sound.pause();
    sound.currentTime = seconds;
    return new Promise((resolve) => sound.addEventListener("timeupdate", resolve, { once: true }));
}"""


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        browsing(write(Path(folder))) as server,
        sync_playwright() as playwright,
    ):
        chromium = playwright.chromium.launch(executable_path=find_chromium(playwright.chromium), args=ARGUMENTS)
        for name, options in (
            ("archive-light", {"viewport": DESK, "color_scheme": "light"}),
            (
                "archive-narrow",
                {"viewport": PHONE, "color_scheme": "dark", "device_scale_factor": 2, "is_mobile": True},
            ),
        ):
            page = chromium.new_context(reduced_motion="reduce", **options).new_page()  # type: ignore[arg-type]
            page.goto(f"{server.url}/{ADDRESS}")
            bar = page.locator(".bar").first
            bar.focus()
            for key in ("x", "ArrowDown", "x", "ArrowUp", "Enter"):
                page.keyboard.press(key)
            page.locator("#play.playing").wait_for()
            middle = bar.evaluate("bar => (Number(bar.dataset.start) + Number(bar.dataset.end)) / 2")
            page.evaluate(PAUSE_AT, middle)
            page.screenshot(path=DOCS / f"{name}.png")
            print(f"docs/pictures/{name}.png  {(DOCS / f'{name}.png').stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
