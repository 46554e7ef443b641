"""What is opened last is shown, however long it or another recording takes to arrive."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.page.conftest import CLIP
from tests.e2e.page.test_playground import find, wait_for

DOG = Path(__file__).parents[3] / "server" / "recordings" / "dog-barking.flac"

# Clips arrive, and files are decoded, once window.go() is called.
HOLD_CLIPS = """() => {
    const original = window.fetch;
    const held = new Promise((resolve) => (window.go = resolve));
    window.fetch = async (address, options) => {
        const response = await original(address, options);
        if (!String(address).includes("/clips/")) return response;
        const body = await response.blob();
        window.hasClip = true;
        await held;
        return { ok: true, blob: async () => body };
    };
}"""
HOLD_DECODING = """() => {
    const held = new Promise((resolve) => (window.go = resolve));
    AudioContext.prototype.decodeAudioData = async function (bytes) {
        await held;
        return BaseAudioContext.prototype.decodeAudioData.call(this, bytes);
    };
}"""


def go(page: Page) -> None:
    page.evaluate("() => new Promise((resolve) => { window.go(); requestAnimationFrame(resolve); })")


def test_a_clip_that_arrives_late_does_not_replace_what_was_opened_after_it(opening: Page) -> None:
    opening.evaluate(HOLD_CLIPS)
    opening.get_by_role("button", name="A farmyard").click()
    opening.wait_for_function("() => window.hasClip")
    opening.locator("#file").set_input_files(DOG)
    wait_for(opening, "dense_caption")
    go(opening)
    expect(opening.locator("#name")).to_have_text(DOG.name)
    opening.reload()


def test_a_long_file_is_never_shown_with_what_was_open_before(opening: Page) -> None:
    notes = {"name": "notes.wav", "mimeType": "audio/wav", "buffer": b"these are notes, and no sound"}
    opening.locator("#file").set_input_files(notes)
    wait_for(opening, "dense_caption", "failed")
    expect(opening.locator("#unseen")).to_be_visible()
    opening.evaluate(HOLD_DECODING)
    opening.locator("#file").set_input_files(DOG)
    expect(opening.locator("#name")).to_have_text(DOG.name)
    expect(opening.locator("#play")).to_be_focused()
    expect(opening.locator("#about")).to_have_text(f"{DOG.stat().st_size / 1e3:.0f} kB")
    expect(opening.locator("#whole")).to_have_text("…")
    expect(opening.locator("#unseen")).to_be_hidden()
    expect(opening.locator("#waveform")).to_be_hidden()
    expect(opening.locator(".group")).to_have_count(0)
    find(opening, "rain")  # before the file is decoded
    wait_for(opening, "ground")
    opening.locator("#query").fill("half a qu")
    go(opening)
    wait_for(opening, "dense_caption")
    expect(opening.locator("#about")).to_contain_text("0:05.0 · ")
    expect(opening.locator("#whole")).to_have_text("0:05.0")
    expect(opening.locator("#waveform")).to_be_visible()
    expect(opening.locator("#query")).to_be_focused()
    expect(opening.locator("#query")).to_have_value("half a qu")
    expect(opening.locator(".group-ground .bar")).to_have_count(1)
    expect(opening.locator("#result-title")).to_have_text("“rain”")
    opening.reload()


def test_a_file_that_is_deleted_after_it_was_opened_must_be_chosen_again(opening: Page, tmp_path: Path) -> None:
    copy = tmp_path / "copy.flac"
    copy.write_bytes(CLIP.read_bytes())
    opening.locator("#file").set_input_files(copy)
    wait_for(opening, "dense_caption")
    copy.unlink()
    find(opening, "rain")
    wait_for(opening, "ground", "failed")
    expect(opening.locator(".group-ground .status")).to_contain_text("The file has changed")
    expect(opening.locator(".group-ground .trouble")).to_contain_text("Choose it again.")
    expect(opening.locator("#model")).to_have_attribute("data-state", "ready")


DRAG = """(field, [kind, isFile]) => {
    const dataTransfer = new DataTransfer();
    if (isFile) dataTransfer.items.add(new File(["x"], "x.wav"));
    else dataTransfer.setData("text/plain", "a dog");
    const drag = new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true });
    field.dispatchEvent(drag);
    const isFramed = document.documentElement.classList.contains("dragging");
    document.documentElement.classList.remove("dragging");
    return [drag.defaultPrevented, isFramed];
}"""


@pytest.mark.parametrize(
    ("kind", "is_file", "taken"),
    [("dragover", True, [True, True]), ("dragover", False, [False, False]), ("drop", False, [False, False])],
)
def test_only_files_are_taken_from_a_drag(desk: Page, kind: str, is_file: bool, taken: Any) -> None:
    assert desk.locator("#query").evaluate(DRAG, [kind, is_file]) == taken
