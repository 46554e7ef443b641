"""The page's modules that are pure, called in the browser they run in."""

from typing import Any

import pytest
from playwright.sync_api import Page

STREAM = "event: start\r\ndata: {}\r\n\r\n: ping\n\nid: 1\nevent: event\ndata: a\ndata: b\n\ndata:last\n\ndata: cut"


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_event_streams_read_the_same_however_they_are_cut(opening: Page, size: int) -> None:
    told = opening.evaluate(
        """async ([text, size]) => {
            const { messages } = await import("./page/js/event_stream.js");
            const bytes = new TextEncoder().encode(text);
            const body = new ReadableStream({
                start(controller) {
                    for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
                    controller.close();
                },
            });
            const told = [];
            for await (const { event, data } of messages(body)) told.push([event, data]);
            return told;
        }""",
        [STREAM, size],
    )
    assert told == [["start", "{}"], ["event", "a\nb"], ["message", "last"]]


def lanes(page: Page, captions: list[str]) -> list[int]:
    told: Any = page.evaluate(
        """async (captions) => {
            const { Kinds } = await import("./page/js/kinds.js");
            const kinds = new Kinds();
            return captions.map((caption) => kinds.laneOf(caption));
        }""",
        captions,
    )
    return list(told)


def test_captions_of_one_kind_share_a_lane(opening: Page) -> None:
    same = ["A dog barks loudly.", "Dogs are barking.", "A dog growls.", "The barking of a dog."]
    assert lanes(opening, same) == [0, 0, 0, 0]
    assert lanes(opening, ["A chainsaw buzzes.", "Someone works with a chainsaw."]) == [0, 0]


def test_captions_of_different_kinds_do_not(opening: Page) -> None:
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


@pytest.mark.parametrize(
    ("seconds", "shown", "spoken"),
    [
        (0, "0:00.0", "0 seconds"),
        (1, "0:01.0", "1 second"),
        (59.96, "1:00.0", "60 seconds"),
        (75.3, "1:15.3", "1 minute 15.3 seconds"),
        (3675, "1:01:15.0", "61 minutes 15 seconds"),
    ],
)
def test_times_are_written_and_spoken(opening: Page, seconds: float, shown: str, spoken: str) -> None:
    told = opening.evaluate(
        "async (s) => { const m = await import('./page/js/clock.js'); return [m.clock(s), m.spoken(s)]; }", seconds
    )
    assert told == [shown, spoken]


def test_a_known_confidence_is_told_and_pales_the_bar(opening: Page) -> None:
    told = opening.evaluate(
        """async () => {
            const { Group } = await import("./page/js/lanes.js");
            const intervals = [{ start: 0, end: 61, confidence: 0.824 }, { start: 2, end: 4, confidence: null }];
            const answer = { events: [{ caption: "Rain.", intervals }] };
            const group = new Group({ id: 1, task: "dense_caption", answer }, 0);
            group.draw(100);
            return [...group.element.querySelectorAll(".bar")].map((bar) => [
                bar.getAttribute("aria-label"), bar.textContent, bar.style.getPropertyValue("--sure"),
            ]);
        }"""
    )
    assert told == [
        ["Rain. From 0 seconds to 1 minute 1 second. Confidence 82 %.", "1:01.0", "0.824"],
        ["Rain. From 2 seconds to 4 seconds. Confidence not calibrated.", "2.0 s", "1"],
    ]
