"""The page's pure JavaScript modules, called in a browser."""

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

STREAM = "event: start\r\ndata: {}\r\n\r\n: ping\n\nid: 1\nevent: event\ndata: a\ndata: b\n\ndata:last\n\ndata: cut"


def test_event_streams_may_be_cut_anywhere(opening: Page) -> None:
    for size in (1, 2, 7, 1000):
        received = opening.evaluate(
            """async ([text, size]) => {
                const { messages } = await import("./page/js/event_stream.js");
                const bytes = new TextEncoder().encode(text);
                const body = new ReadableStream({
                    start(controller) {
                        for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
                        controller.close();
                    },
                });
                const received = [];
                for await (const { event, data } of messages(body)) received.push([event, data]);
                return received;
            }""",
            [STREAM, size],
        )
        assert received == [["start", "{}"], ["event", "a\nb"], ["message", "last"]], size


def lanes(page: Page, captions: list[str]) -> list[int]:
    numbers: Any = page.evaluate(
        """async (captions) => {
            const { Kinds } = await import("./page/js/kinds.js");
            const kinds = new Kinds();
            return captions.map((caption) => kinds.laneOf(caption));
        }""",
        captions,
    )
    return list(numbers)


def test_captions_of_one_kind_share_a_lane(opening: Page) -> None:
    same = ["A dog barks loudly.", "Dogs are barking.", "A dog growls.", "The barking of a dog."]
    assert lanes(opening, same) == [0, 0, 0, 0]
    assert lanes(opening, ["A chainsaw buzzes.", "Someone works with a chainsaw."]) == [0, 0]


def test_captions_of_different_kinds_have_different_lanes(opening: Page) -> None:
    different = [
        "A man speaks.",
        "A woman speaks.",
        "A dog barks in the rain.",
        "Rain patters on the ground.",
        "A rooster crows.",
        "Waves are breaking on the shore.",
    ]
    assert lanes(opening, different) == list(range(6))
    assert lanes(opening, ["雨", "风", "雨", "..."]) == [0, 1, 0, 2]


def test_a_group_or_an_adjective_in_common_does_not_make_one_kind(opening: Page) -> None:
    different = [
        ["Natural sounds.", "An animal growls.", "A natural animal sound."],
        ["A person breathes.", "A person laughs.", "Someone types on a keyboard."],
        ["A crow is cawing.", "A rooster is crowing."],
        ["A cat can be heard.", "Loud thunder cracks.", "The loud call of a rooster.", "A can is being opened."],
        ["The drone of a vacuum cleaner.", "The drone of a washing machine."],
        ["A door is creaking.", "Someone is knocking on a door."],
        ["Water is being poured.", "Water is dripping."],
        ["A car horn is honking.", "A car engine is running."],
    ]
    found = [(captions, lanes(opening, captions)) for captions in different]
    assert [pair for pair in found if pair[1] != list(range(len(pair[0])))] == []


def test_hardly_any_captions_of_the_vocabulary_share_a_lane_with_another_kind(opening: Page) -> None:
    folder = Path(__file__).parents[3] / "training" / "data" / "vocabulary"
    kinds: dict[str, Any] = {}
    for path in folder.glob("kinds_*.json"):
        kinds |= json.loads(path.read_text(encoding="utf-8"))
    captions_by_kind = [kind["captions"] for kind in kinds.values() if "captions" in kind]
    together, pairs = opening.evaluate(
        """async (captions_by_kind) => {
            const { sameKind, stems } = await import("./page/js/kinds.js");
            const reduced = captions_by_kind.map((captions) => captions.map(stems));
            let together = 0, pairs = 0;
            reduced.forEach((ones, index) => reduced.slice(index + 1).forEach((others) => {
                for (const one of ones) for (const other of others) {
                    pairs++;
                    together += sameKind(one, other);
                }
            }));
            return [together, pairs];
        }""",
        captions_by_kind,
    )
    assert pairs > 50_000
    assert together < 0.0005 * pairs


TIMES = {
    0: ["0:00.0", "0 seconds"],
    1: ["0:01.0", "1 second"],
    59.96: ["1:00.0", "1 minute 0 seconds"],
    75.3: ["1:15.3", "1 minute 15.3 seconds"],
    119.97: ["2:00.0", "2 minutes 0 seconds"],
    3675: ["1:01:15.0", "61 minutes 15 seconds"],
}
"""Seconds -> what is shown, and what a screen reader says."""


def test_times_are_formatted_for_display_and_for_screen_readers(opening: Page) -> None:
    formatted = opening.evaluate(
        """async (times) => {
            const { clock, spoken } = await import("./page/js/clock.js");
            return times.map((seconds) => [clock(seconds), spoken(seconds)]);
        }""",
        list(TIMES),
    )
    assert formatted == list(TIMES.values())


def test_a_known_confidence_is_in_the_label_and_fades_the_bar(opening: Page) -> None:
    bars = opening.evaluate(
        """async () => {
            const { Group } = await import("./page/js/lanes.js");
            const intervals = [{ start: 0, end: 61, confidence: 0.824 }, { start: 2, end: 4, confidence: null }];
            const answer = { events: [{ caption: "Rain.", intervals }] };
            const group = new Group({ id: 1, task: "dense_caption", answer }, 0);
            group.draw(100);
            return [...group.element.querySelectorAll(".bar")].map((bar) => [
                bar.getAttribute("aria-label"), bar.textContent, bar.style.getPropertyValue("--confidence"),
            ]);
        }"""
    )
    assert bars == [
        ["Rain. From 0 seconds to 1 minute 1 second. Confidence 82 %.", "1:01.0", "0.824"],
        ["Rain. From 2 seconds to 4 seconds. Confidence not calibrated.", "2.0 s", "1"],
    ]
