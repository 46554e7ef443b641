"""The page of `timeaudio browse` in Chromium, with 1,000 recordings: filters, keyboard, sound, export, looks."""

import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from tests.e2e.browse.archive_of_tones import tone
from tests.e2e.browse.conftest import Browser, browsing
from tests.e2e.page.conftest import browser, faults, is_fault, no_faults  # noqa: F401  fixtures
from tests.unit.archive.conftest import row, write_archive  # noqa: F401  fixtures

Visit = Callable[..., Page]
PLAYED = "() => document.querySelector('#sound').played.length > 0 && document.querySelector('#sound').paused"
# window.waiting: the frames that the page asked for and that were not drawn yet.
COUNT_FRAMES = """() => {
    const [ask, drop] = [requestAnimationFrame.bind(window), cancelAnimationFrame.bind(window)];
    window.waiting = new Set();
    window.requestAnimationFrame = (draw) => {
        const frame = ask((time) => { waiting.delete(frame); draw(time); });
        waiting.add(frame);
        return frame;
    };
    window.cancelAnimationFrame = (frame) => { waiting.delete(frame); drop(frame); };
}"""


@pytest.fixture
def visit(browser: Chromium, garden: Browser, faults: list[str]) -> Iterator[Visit]:  # noqa: F811
    """`visit("?kind=dog", color_scheme="dark")`: a loaded page in its own browser context."""
    with ExitStack() as stack:

        def open_page(address: str = "", garden: Browser = garden, **options: object) -> Page:
            page = stack.enter_context(browser.new_context(**options)).new_page()  # type: ignore[arg-type]
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda line: faults.append(line.text) if is_fault(line.type, line.text) else None)
            page.goto(f"{garden.url}/{address}")
            page.locator(".bar").first.wait_for()
            return page

        yield open_page


def find(page: Page, query: str) -> None:
    page.keyboard.press("/")
    page.keyboard.type(query)
    page.keyboard.press("Enter")


def test_filters_narrow_the_list_and_stay_in_the_address(visit: Visit) -> None:
    page = visit()
    summary = page.locator("#summary")
    page.locator("#kind").select_option("dog")
    expect(page).to_have_url(re.compile("kind=dog"))
    page.locator("#before").fill("2026-06-01")
    page.locator("#before").dispatch_event("change")
    expect(page.locator(".recording .fine").last).to_contain_text("2026-06-01")
    names = page.locator(".lane-name").all_text_contents()
    assert names
    assert set(names) == {"dog"}
    before = summary.inner_text()
    page.reload()
    expect(summary).to_have_text(before)
    page.get_by_role("button", name="Clear").click()
    expect(summary).to_contain_text("in 1,001 recordings")


def test_the_slider_of_confidence_hides_less_certain_events(visit: Visit) -> None:
    page = visit("?query=dog&least=50")
    uncertain = page.locator('.bar[data-confidence="0.6"]')
    expect(uncertain).not_to_have_count(0)
    page.locator("#least").focus()
    page.keyboard.press("End")
    expect(page.locator("#least-value")).to_have_text("95 %")
    page.wait_for_url("**least=95**")
    expect(uncertain).to_have_count(0)


def test_a_query_says_how_it_was_read_and_when_nothing_is_found(visit: Visit) -> None:
    page = visit()
    find(page, "a canine")
    expect(page.locator("#summary")).to_contain_text("the kind dog (dog, bark, puppy")
    page.locator("#query").fill("xylophone")
    page.locator("#query").press("Enter")
    expect(page.locator("#summary")).to_contain_text("Nothing found – captions with xylophone")
    expect(page.locator("[data-form=csv]")).to_be_disabled()
    page.locator("#query").fill("?!")
    page.locator("#query").press("Enter")
    expect(page.locator("#trouble")).to_have_text(
        "The query has no words. Type what to look for in Find, such as: a dog barking."
    )


def test_text_that_was_not_submitted_changes_neither_the_export_nor_the_next_recordings(visit: Visit) -> None:
    page = visit("?kind=dog")
    expect(page.locator("#picked")).to_have_text("Export all 53")
    page.locator("#query").fill("rain")
    with page.expect_download() as saved:
        page.locator("[data-form=csv]").click()
    assert saved.value.path().read_text().count("\n") == 53 + 1
    page.locator(".recording").last.scroll_into_view_if_needed()
    expect(page.locator(".recording")).to_have_count(52)


def test_dates_outside_the_archive_do_not_stop_a_search(visit: Visit) -> None:
    page = visit("?after=2020-01-01&before=99999-01-01")
    find(page, "a dog barking")
    expect(page.locator("#summary")).to_contain_text("in 52 recordings")
    with page.expect_response("**/recordings.json?*") as answered:
        page.locator("#before").fill("9999-12-31")
    assert answered.value.ok


def test_the_keyboard_finds_plays_selects_and_exports(visit: Visit, garden: Browser) -> None:
    page = visit()
    find(page, "a dog barking")
    expect(page.locator("#summary")).to_contain_text("the kind dog")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".bar").first).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_function(PLAYED)  # stops by itself at the end of the event
    time = page.evaluate("() => document.querySelector('#sound').currentTime")
    assert 1.5 <= time < 2.5
    expect(page.locator("#pointed")).to_have_text("A dog is barking. 0:00.5 – 0:01.5, 90 %")
    page.keyboard.press("x")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("a")
    expect(page.locator(".bar[aria-pressed=true]")).to_have_count(2)
    expect(page.locator("#picked")).to_have_text("Export 2 selected")
    page.locator("[data-form=srt]").focus()
    with page.expect_download() as saved:
        page.keyboard.press("Enter")
    assert saved.value.suggested_filename == "events-srt.zip"
    with zipfile.ZipFile(saved.value.path()) as files:
        assert files.namelist()[0] == "station/0000.wav.srt"
        assert len(files.namelist()) == 2
    page.locator("#unpick").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".bar[aria-pressed=true]")).to_have_count(0)
    expect(page.locator(".bar[tabindex='0']")).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1600])
def test_tab_leads_through_the_filters_and_one_event_to_the_export_and_nothing_hides_it(
    visit: Visit, width: int
) -> None:
    page = visit(viewport={"width": width, "height": 844})
    find(page, "a dog barking")
    page.wait_for_url("**query=a+dog+barking**")
    expect(page.locator("#summary")).to_contain_text("in 52 recordings")
    page.keyboard.press("ArrowDown")
    for _ in range(12):
        page.keyboard.press("ArrowDown")
        bar, deck = page.locator(":focus").bounding_box(), page.locator(".deck").bounding_box()
        assert bar is not None
        assert deck is not None
        assert bar["y"] + bar["height"] <= deck["y"]
    event = page.locator(":focus").get_attribute("data-event")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press(" ")  # the check box of the same recording
    expect(page.locator("#picked")).to_have_text("Export 1 selected")
    page.keyboard.press("Tab")
    expect(page.locator(f"[data-event='{event}']")).to_be_focused()
    for _ in range(3):  # perhaps by "Show more recordings"; "Play" is disabled
        page.keyboard.press("Tab")
        if page.locator("[data-form=csv]:focus").count():
            break
    with page.expect_download() as saved:
        page.keyboard.press("Enter")
    assert saved.value.path().read_text().count("\n") == 2


@pytest.mark.parametrize("name", ["kind", "least"])
def test_the_shortcuts_work_from_a_filter_too(visit: Visit, name: str) -> None:
    page = visit()
    page.locator(f"#{name}").focus()
    page.keyboard.press("/")
    expect(page.locator("#query")).to_be_focused()
    page.keyboard.type("1/2 ?")  # text, not shortcuts
    expect(page.locator("#query")).to_have_value("1/2 ?")
    expect(page.locator("#keys")).to_be_hidden()


def test_a_click_plays_from_that_point_and_space_pauses(visit: Visit) -> None:
    page = visit("?query=owl")
    track = page.locator(".track")
    box = track.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + 3)
    page.wait_for_function("() => document.querySelector('#sound').currentTime > 1.0")
    expect(page.locator(".playline")).to_have_count(1)
    page.mouse.move(0, 0)
    page.evaluate("() => document.activeElement.blur()")
    page.keyboard.press(" ")
    expect(page.locator("#play")).to_have_accessible_name("Play")
    page.keyboard.press(" ")
    expect(page.locator("#play")).to_have_accessible_name("Pause")
    page.keyboard.press("Escape")
    expect(page.locator("#play")).to_have_accessible_name("Play")


def test_a_missing_recording_is_explained(visit: Visit) -> None:
    page = visit()
    missing = page.locator("[data-path='station/0001.wav'] .bar").first
    missing.click()
    expect(page.locator("#trouble")).to_contain_text("station/0001.wav: The recording is not where the archive says.")
    page.locator("[data-path='station/0000.wav'] .bar").first.click()
    expect(page.locator("#play")).to_have_accessible_name("Pause")


def test_a_recording_that_is_back_plays_and_the_notice_goes_when_something_plays(
    visit: Visit,
    write_archive: Callable[..., Path],  # noqa: F811
) -> None:
    archive = write_archive([row(name, None, 4.0, (0.0, 1.0, "A dog.", 0.5)) for name in ("away.wav", "here.wav")])
    (archive.parent / "here.wav").write_bytes(tone(220))
    with browsing(archive) as moving:
        page = visit(garden=moving)
        away, here, trouble = page.locator(".bar").first, page.locator(".bar").last, page.locator("#trouble")
        away.click()
        expect(trouble).to_contain_text("away.wav: The recording is not where")
        here.click()
        expect(trouble).to_be_empty()
        away.click()
        expect(trouble).to_contain_text("away.wav: The recording is not where")
        (archive.parent / "away.wav").write_bytes(tone(440))
        away.click()
        expect(trouble).to_be_empty()
        page.wait_for_function(PLAYED)


def test_an_event_stops_at_its_end_in_a_hidden_tab_too(visit: Visit) -> None:
    page = visit("?query=dog")
    page.evaluate("() => { window.requestAnimationFrame = () => 0; }")  # like a hidden tab, which draws no frames
    page.locator(".bar").first.click()
    page.wait_for_function(PLAYED, polling=50)
    assert not page.evaluate("() => document.querySelector('#sound').ended"), "the event ends before the recording"


def test_clicks_while_playing_do_not_add_up_to_more_work_in_each_frame(visit: Visit) -> None:
    page = visit("?query=dog")
    page.evaluate(COUNT_FRAMES)
    page.locator(".bar").first.evaluate("bar => { for (let click = 0; click < 5; click++) bar.click(); }")
    waiting = page.wait_for_function(
        "() => document.querySelector('#sound').currentTime > 0.7 && window.waiting.size", polling=50
    )
    assert waiting.json_value() == 1


def test_captions_and_paths_of_strangers_are_text_that_fits(visit: Visit, write_archive: Callable[..., Path]) -> None:  # noqa: F811
    markup, arabic, long = "<img src=x onerror=alert(1)>.", "كلب ينبح", "x" * 3000
    captions = [(0.0, 1.0, markup), (1.0, 2.0, arabic), (2.0, 3.0, long), (3.0, 4.0, " ")]
    archive = write_archive(
        [
            row("#%3F ?<b>&.wav", None, 4.0, *((*caption, 0.5) for caption in captions)),
            row(f"{'y' * 300}.wav", None, 0.0, (1.0, 4.0, "A dog.", None)),
            row("zero bytes.wav", None, 4.0, (0.0, 1.0, "A dog.", None)),
        ]
    )
    (archive.parent / "#%3F ?<b>&.wav").write_bytes(tone(220))
    (archive.parent / "zero bytes.wav").touch()
    with browsing(archive) as strange:
        page = visit(garden=strange, viewport={"width": 390, "height": 844})
        assert page.locator(".lane-name").all_inner_texts() == [markup[:-1], arabic, long, "?", "dog", "dog"]
        assert page.locator(".bar").nth(4).get_attribute("style") == "left: 25%; width: 75%; --confidence: 1;"
        page.locator(".bar").first.click()
        expect(page.locator("#play")).to_have_accessible_name("Pause")
        for number, message in [(4, "The recording is not where"), (5, "zero bytes.wav: the file is empty.")]:
            page.locator(".bar").nth(number).click()
            expect(page.locator("#trouble")).to_contain_text(message)
            notice = page.locator("#trouble .notice")
            assert notice.evaluate("it => it.scrollWidth <= it.clientWidth")
        assert page.evaluate("() => document.documentElement.scrollWidth") == 390


def test_everything_is_listed_while_scrolling(visit: Visit) -> None:
    page = visit()
    expect(page.locator("#size")).to_contain_text("1,001 recordings")
    while page.locator(".recording").count() < 1001:
        shown = page.locator(".recording").count()
        page.locator(".recording").last.scroll_into_view_if_needed()
        page.wait_for_function("shown => document.querySelectorAll('.recording').length > shown", arg=shown)
    expect(page.locator("#more")).to_be_hidden()
    names = page.locator(".recording-name").all_text_contents()
    assert len(set(names)) == 1001


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280, 1600])
def test_the_page_is_accessible_and_fits_at_every_width(visit: Visit, width: int, color_scheme: str) -> None:
    page = visit("?query=dog", viewport={"width": width, "height": 844}, color_scheme=color_scheme)
    page.locator(".bar").first.focus()
    page.keyboard.press("x")
    assert page.evaluate("() => document.documentElement.scrollWidth") == width
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    # The deck never covers the end of the list.
    page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
    expect(page.locator("#more")).to_be_hidden()
    page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
    end, deck = page.locator("#recordings").bounding_box(), page.locator(".deck").bounding_box()
    assert end is not None
    assert deck is not None
    assert end["y"] + end["height"] <= deck["y"]
