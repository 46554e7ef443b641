import csv
import re
from pathlib import Path

import numpy as np
import pytest

from model.timeline.event import by_caption
from model.timeline.interval import Interval
from model.timeline.parser import parse
from training.config import DataConfig
from training.data.answers import ABSENT, MARKED, NO_SPEECH, NOTHING_HEARD, by_kind, ground_answer, to_interval
from training.data.composer import PlacedEvent, Pool, SceneConfig, compose, plan
from training.data.pools import other_parts, training_pool, validation_pool
from training.data.questions import count_answer, duration_answer, happens_at
from training.data.recordings import DataError, active_region, read_recordings
from training.data.tasks import Shares, dense_caption, draw_example, ground, news, summarize
from training.data.words import WORDS
from training.metrics.captions import kind_of
from training.metrics.counting import count_in

LEXICON = {kind: words.keywords for kind, words in WORDS.items()}
RATE = 16_000


def burst(seconds, *, start, length, level=0.5):
    samples = np.zeros(round(seconds * RATE), dtype=np.float32)
    first, last = round(start * RATE), round((start + length) * RATE)
    samples[first:last] = level * np.random.default_rng(0).standard_normal(last - first)
    return samples


def pool_of(*kinds, seconds=1.0):
    return Pool({kind: [burst(seconds, start=0, length=seconds)] for kind in kinds})


@pytest.mark.parametrize(("start", "length"), [(0.0, 1.0), (1.0, 0.5), (3.2, 1.8), (2.0, 0.1)])
def test_the_active_region_is_where_the_sound_is_to_within_a_tenth(start, length):
    first, last = active_region(burst(5, start=start, length=length))
    assert first / RATE == pytest.approx(start, abs=0.1)
    assert last / RATE == pytest.approx(start + length, abs=0.1)


def test_gaps_inside_stay_and_what_is_30_db_below_does_not_count():
    samples = burst(5, start=1, length=0.3) + burst(5, start=3, length=0.3, level=0.05)
    assert active_region(samples)[1] / RATE == pytest.approx(3.3, abs=0.1)
    faint = burst(5, start=1, length=0.3) + burst(5, start=3, length=0.3, level=0.005)
    assert active_region(faint)[1] / RATE == pytest.approx(1.3, abs=0.1)


def test_a_scene_is_a_function_of_its_seed():
    pool = pool_of("dog", "rain", "rooster")
    one, two = (compose(pool, SceneConfig(), np.random.default_rng(5)) for _ in range(2))
    assert one.events == two.events
    assert np.array_equal(one.samples, two.samples)
    assert not np.array_equal(one.samples, compose(pool, SceneConfig(), np.random.default_rng(6)).samples)


def test_events_lie_inside_and_repeats_of_a_kind_stay_apart():
    pool = pool_of("dog", "rain")
    config = SceneConfig(repeat_probability=0.9)
    for seed in range(60):
        placed = plan(pool, config, np.random.default_rng(seed))
        assert 1 <= len(placed) <= 4
        for one in placed:
            assert 0 <= one.start < one.end <= 10 * RATE
        for kind in ("dog", "rain"):
            same = sorted((p.start, p.end) for p in placed if p.kind == kind)
            assert all(b[0] - a[1] >= RATE // 2 for a, b in zip(same, same[1:], strict=False))


def test_what_is_said_to_sound_does_sound():
    config = SceneConfig(noise_probability=0, max_events=1, cut_probability=0)
    for seed in range(20):
        scene = compose(pool_of("dog"), config, np.random.default_rng(seed))
        (event,) = scene.events
        inside = np.sqrt(np.mean(scene.samples[event.start : event.end] ** 2))
        outside = np.concatenate([scene.samples[: event.start], scene.samples[event.end :]])
        assert inside > 0.01
        assert np.abs(outside).max() == 0


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 160_000, (0, 100)), (799, 800, (0, 1)), (801, 2401, (1, 2)), (159_999, 160_000, (99, 100))],
)
def test_samples_become_tenths_inside_of_the_scene(start, end, expected):
    interval = to_interval(PlacedEvent("dog", start, end), 160_000)
    assert (interval.start, interval.end) == expected


def test_answers_parse_back_to_what_was_placed():
    events = [
        PlacedEvent("rain", 0, 80_000), PlacedEvent("dog", 16_000, 32_000),
        PlacedEvent("unnamed", 0, 9_000), PlacedEvent("dog", 64_000, 160_000),
    ]  # fmt: skip
    rng = np.random.default_rng(0)
    answer = dense_caption(by_kind(events, 160_000), rng).answer
    told = parse(answer, "dense_caption", 100)
    assert [kind_of(e.caption, LEXICON) for e in told] == ["rain", "dog", "dog"], "one by one, as they begin"
    said = {kind_of(e.caption, LEXICON): [(i.start, i.end) for i in e.intervals] for e in by_caption(told)}
    assert said == {"rain": [(0, 50)], "dog": [(10, 20), (40, 100)]}
    assert dense_caption({}, rng).answer == NOTHING_HEARD


def test_grounding_asks_for_what_is_there_and_for_what_is_not_equally_often():
    events = [PlacedEvent("dog", 0, 16_000)]
    rng = np.random.default_rng(1)
    answers = [ground(by_kind(events, 160_000), rng).answer for _ in range(400)]
    assert 150 < answers.count(ABSENT) < 250
    assert all("<a_0><f_0> - <a_1><f_0>" in a for a in answers if a != ABSENT)


def test_a_query_for_a_group_finds_all_of_its_kinds_and_is_absent_without_them():
    events = [PlacedEvent("dog", 0, 16_000), PlacedEvent("cow", 8_000, 48_000), PlacedEvent("rain", 0, 160_000)]
    rng, shares = np.random.default_rng(2), Shares(grouped=1.0)
    asked = [ground(by_kind(events, 160_000), rng, shares=shares) for _ in range(300)]
    animals = ["animal" in a.question.lower() or "creature" in a.question.lower() for a in asked]
    whole = "The given query happens in <a_0><f_0> - <a_3><f_0> seconds."
    assert {a.answer for a, is_animal in zip(asked, animals, strict=True) if is_animal} == {whole}
    speech = [a.answer for a in asked if "speech" in a.question.lower()]
    assert speech
    assert set(speech) == {ABSENT}


def test_nobody_is_asked_for_a_kind_that_an_unnamed_sound_may_be():
    found = by_kind([PlacedEvent("some_animal", 0, 16_000)], 160_000)
    rng = np.random.default_rng(3)
    questions = [ground(found, rng, shares=Shares(absent=1.0)).question.lower() for _ in range(300)]
    assert not any("dog" in q or "rooster" in q for q in questions)
    assert any("rain" in q for q in questions)


@pytest.mark.parametrize(
    ("intervals", "said", "count"),
    [(((0, 12),), "one time.", 1), (((0, 12), (20, 31), (50, 60)), "three times.", 3)],
)
def test_a_count_comes_after_what_is_counted(intervals, said, count):
    answer = count_answer([Interval(*i) for i in intervals])
    assert answer.endswith(said)
    assert count_in(answer) == count
    assert [(i.start, i.end) for e in parse(answer, "ask", 100) for i in e.intervals] == list(intervals)


def test_durations_are_added_up_and_rounded():
    assert duration_answer([Interval(0, 12), Interval(20, 33)]).endswith("about 3 seconds in total.")  # 2.5 s
    assert duration_answer([Interval(0, 3)]).endswith("about 1 second in total.")


def test_what_happens_at_a_second_is_what_is_heard_around_it():
    found = by_kind([PlacedEvent("dog", 0, 80_000), PlacedEvent("rain", 96_000, 160_000)], 160_000)
    for seed in range(60):
        example = happens_at(found, 160_000, np.random.default_rng(seed))
        (second,) = (int(word) for word in re.findall(r"\d+", example.question))
        kinds = {kind_of(e.caption, LEXICON) for e in parse(example.answer, "dense_caption", 100)}
        assert kinds == ({"dog"} if second < 5 else {"rain"} if second >= 6 else set())


def test_a_section_is_summed_up_if_all_of_it_was_told():
    events = [
        PlacedEvent("section", 0, 80_000), PlacedEvent("who:the mayor", 0, 9_000),
        PlacedEvent("did:opened a new bridge", 9_000, 20_000), PlacedEvent("where:Lisbon", 20_000, 30_000),
        PlacedEvent("section", 88_000, 160_000), PlacedEvent("who:a farmer", 88_000, 90_000),
    ]  # fmt: skip
    answer = summarize(events, 160_000, np.random.default_rng(0)).answer
    assert answer == "<a_0><f_0> - <a_5><f_0>, The mayor opened a new bridge in Lisbon."
    assert summarize(events[:1], 160_000, np.random.default_rng(0)).answer == NO_SPEECH


def test_a_summary_is_asked_for_where_nobody_speaks_and_there_is_none():
    shares, dog = Shares(ground=0.0, summarize=1.0), PlacedEvent("dog", 16_000, 48_000)
    for kind, told in (("rain", {NO_SPEECH}), ("man_speaking", set())):
        scene, rng = [dog, PlacedEvent(kind, 0, 90_000)], np.random.default_rng(0)
        asked = [draw_example(scene, 160_000, rng, shares, MARKED) for _ in range(5)]
        assert {example.answer for example in asked if example.task == "summarize"} == told
        assert bool(told) != any(example.task == "dense_caption" for example in asked)


def test_news_from_a_town_are_the_sections_that_tell_of_it():
    events = [
        PlacedEvent("section", 0, 48_000), PlacedEvent("where:Lisbon", 20_000, 30_000),
        PlacedEvent("section", 56_000, 96_000), PlacedEvent("where:Oslo", 60_000, 70_000),
        PlacedEvent("section", 104_000, 160_000), PlacedEvent("where:Lisbon", 110_000, 120_000),
        PlacedEvent("where:Cairo", 159_999, 160_000), PlacedEvent("man_speaking", 0, 160_000),
    ]  # fmt: skip
    told = {
        "lisbon": [Interval(0, 30), Interval(65, 100)],
        "oslo": [Interval(35, 60)],
        "cairo": [Interval(65, 100)],
    }
    asked = set()
    for seed in range(80):
        example = news(events, 160_000, np.random.default_rng(seed))
        town = re.search(r"news from (\w+)", example.question)[1]
        asked.add(town)
        if town.lower() in told:
            assert example.answer == ground_answer(told[town.lower()])
        else:
            assert example.answer == ABSENT
    assert {"Lisbon", "lisbon", "Oslo"} <= asked
    assert len(asked) > 8
    assert news([], 160_000, np.random.default_rng(0)).answer == ABSENT


@pytest.mark.parametrize("kind", WORDS)
def test_every_caption_names_its_kind_and_no_other(kind):
    words = WORDS[kind]
    assert len(set(words.captions)) == len(words.captions) >= 8
    for caption in words.captions:
        assert caption.endswith(".")
        assert kind_of(caption, LEXICON) == kind
        assert [k for k in WORDS if kind_of(caption, {k: LEXICON[k]})] == [kind]


def write_data(folder: Path, rows):
    (folder / "audio").mkdir()
    recording = (Path(__file__).parents[3] / "server" / "recordings" / "dog-barking.flac").read_bytes()
    for row in rows:
        (folder / "audio" / row["filename"]).write_bytes(recording)
    return folder


def rows_of(*pairs):
    return [
        {"filename": f"{fold}-{source}-{i}.flac", "category": kind, "fold": str(fold), "source": source}
        for i, (kind, fold, source) in enumerate(pairs)
    ]


def write_csv(path, rows):
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_both_layouts_are_read_alike(tmp_path):
    rows = rows_of(("dog", 1, "a"), ("cat", 4, "b"))
    ours, official = tmp_path / "ours", tmp_path / "official"
    for folder in (ours, official):
        folder.mkdir()
        write_data(folder, rows)
    write_csv(ours / "clips.csv", [r | {"subset": "esc10" if r["category"] == "dog" else "esc50"} for r in rows])
    esc50 = [
        {"filename": r["filename"], "fold": r["fold"], "target": "0", "category": r["category"],
         "esc10": str(r["category"] == "dog"), "src_file": r["source"], "take": "A"} for r in rows
    ]  # fmt: skip
    write_csv(official / "meta" / "esc50.csv", esc50)
    left, right = (
        [(r.path.name, r.kind, r.fold, r.source, r.ten) for r in read_recordings(d)] for d in (ours, official)
    )
    assert left == right
    assert left[0][1:] == ("dog", 1, "a", True)


def test_a_source_on_both_sides_of_the_split_is_refused(tmp_path):
    rows = [r | {"subset": "esc10"} for r in rows_of(("dog", 1, "a"), ("dog", 4, "a"))]
    write_csv(write_data(tmp_path, rows) / "clips.csv", rows)
    with pytest.raises(DataError, match="share a source"):
        training_pool(tmp_path, DataConfig())


def test_training_and_validation_are_told_apart_by_fold(tmp_path):
    rows = [r | {"subset": "esc10"} for r in rows_of(("dog", 1, "a"), ("rain", 2, "b"), ("dog", 4, "c"))]
    write_csv(write_data(tmp_path, rows) / "clips.csv", rows)
    pool = training_pool(tmp_path, DataConfig(speeds=(1.0, 1.25)))
    assert {k: len(v) for k, v in pool.parts.items()} == {"dog": 2, "rain": 2}
    assert len(pool.parts["dog"][1]) == pytest.approx(len(pool.parts["dog"][0]) / 1.25, rel=0.01)
    assert {k: len(v) for k, v in validation_pool(tmp_path, DataConfig()).parts.items()} == {"dog": 1}


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("name,category\n", "has no column filename, fold, subset, source"),
        ("filename,category,fold,subset,source\na.wav,dog,x,esc10,a\n", "fold must be a number, a.wav has 'x'"),
    ],
)
def test_a_table_of_another_form_says_what_is_wrong(tmp_path, table, says):
    (tmp_path / "clips.csv").write_text(table)
    with pytest.raises(DataError, match=says):
        read_recordings(tmp_path)


def test_a_kind_without_words_is_refused_with_what_to_do(tmp_path, tone_wav):
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio" / "a.wav").write_bytes(tone_wav(1.0))
    (tmp_path / "clips.csv").write_text("filename,category,fold,subset,source\na.wav,theremin,4,esc10,a\n")
    with pytest.raises(DataError, match="no words here for theremin: train on a manifest"):
        validation_pool(tmp_path, DataConfig(validation_folds=(4,)))


def test_an_empty_folder_says_what_should_be_there(tmp_path):
    with pytest.raises(DataError, match="meta/esc50.csv"):
        read_recordings(tmp_path)


def test_no_source_of_another_kind_is_in_two_shares(tmp_path):
    rows = [
        r | {"subset": "esc50"}
        for r in rows_of(*(("crow", 4, name) for name in "abcdef"), ("cow", 4, "g"), ("cow", 4, "h"), ("pig", 4, "i"))
    ]
    write_csv(write_data(tmp_path, rows) / "clips.csv", rows)
    count = {
        share: {kind: len(parts) for kind, parts in other_parts(tmp_path, share).items()}
        for share in ("learned", "doubtful", "held out")
    }
    assert count == {
        "learned": {"cow": 1, "crow": 3, "pig": 1},
        "doubtful": {"crow": 1},
        "held out": {"cow": 1, "crow": 2},
    }
