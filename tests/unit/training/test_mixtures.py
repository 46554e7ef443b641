"""Clips mixed into rehearsal scenes keep their events, at new times."""

import numpy as np
import pytest

from model.audio.decode import decode_audio
from tests.small_recordings import noise
from training.data.manifest import Annotation, Row
from training.data.wav import write_wav
from training.mixtures import mix_clips, mix_known
from training.stages import StageConfig

CONFIG = StageConfig(mixtures=2, rehearsal_share=0.5)
CLIP = Annotation(((0.5, 1.0), (2.0, 2.5)), "A zorb plings.", "zorb")


@pytest.fixture
def scene(tmp_path):
    """A silent scene, said to have rain."""
    write_wav(tmp_path / "scene.wav", np.zeros(8 * 16_000, dtype=np.float32))
    rain = Annotation(((1.0, 2.0),), "It rains.", "rain")
    return Row(id="s", audio=str(tmp_path / "scene.wav"), task="dense_caption", duration=8.0, events=(rain,))


@pytest.fixture
def clip(tmp_path):
    """Three seconds, silent but for two events, with a query for both and one for something absent."""
    samples = np.zeros(3 * 16_000, dtype=np.float32)
    for start, end in CLIP.intervals:
        samples[round(start * 16_000) : round(end * 16_000)] = noise(end - start)
    write_wav(tmp_path / "clip.wav", samples)
    about = {"audio": str(tmp_path / "clip.wav"), "duration": 3.0}
    return [
        Row(id="d", task="dense_caption", events=(CLIP,), **about),
        Row(id="q", task="ground", query="a zorb", events=(Annotation(CLIP.intervals),), **about),
        Row(id="n", task="ground", query="a gong", **about),
    ]


def test_events_sound_where_the_rows_say(scene, clip, tmp_path):
    rows = mix_clips(clip, [scene], tmp_path / "mixed", CONFIG)
    assert [row.task for row in rows] == ["dense_caption", "ground"] * 2
    dense, query = rows[:2]
    assert dense.events[0] == scene.events[0]
    spans = [span for event in dense.events[1:] for span in event.intervals]
    assert {event.caption for event in dense.events[1:]} == {CLIP.caption}
    assert query.query == "a zorb"
    assert list(query.events[0].intervals) == sorted(spans)
    with open(dense.audio, "rb") as file:
        samples = decode_audio(file.read(), max_seconds=9.0).samples
    assert len(samples) == 16_000 * dense.duration
    sounding = np.zeros(len(samples), dtype=bool)
    for start, end in spans:
        sounding[round(start * 16_000) - 8 : round(end * 16_000) + 8] = True  # spans are in milliseconds
        assert np.abs(samples[round(start * 16_000) : round(end * 16_000)]).max() > 0.01
    assert not samples[~sounding].any()


def test_the_same_seed_gives_the_same_mixtures_and_another_place_each(scene, clip, tmp_path):
    rows = mix_clips(clip, [scene], tmp_path / "mixed", CONFIG)
    assert rows == mix_clips(clip, [scene], tmp_path / "mixed", CONFIG)
    assert rows[0].events != rows[2].events


def test_a_scene_with_the_clips_kind_is_not_used(scene, clip, tmp_path):
    rainy = [Row(id="d", audio=clip[0].audio, task="dense_caption", duration=3.0,
                 events=(Annotation(CLIP.intervals, "Rain falls."),))]  # fmt: skip
    assert mix_clips(rainy, [scene], tmp_path / "mixed", CONFIG) == []


def test_without_mixtures_nothing_is_written(scene, clip, tmp_path):
    assert mix_clips(clip, [scene], tmp_path / "mixed", StageConfig()) == []
    assert not (tmp_path / "mixed").exists()


def test_one_event_of_a_known_scene_is_mixed_into_another(scene, clip, tmp_path):
    rows = mix_known([scene, *clip], tmp_path / "mixed", CONFIG)
    dense = [row for row in rows if row.task == "dense_caption"]
    assert len(dense) == 4
    from_clip = [row for row in dense if row.events[0] == scene.events[0]]
    assert {event.caption for row in from_clip for event in row.events[1:]} == {CLIP.caption}
    from_scene = [row for row in dense if row.events[0] == CLIP]
    assert [event.caption for row in from_scene for event in row.events[1:]] == ["It rains.", "It rains."]


def test_sounds_that_overlap_in_a_clip_move_together(scene, tmp_path):
    samples = np.zeros(3 * 16_000, dtype=np.float32)
    samples[8_000:32_000] = noise(1.5)
    write_wav(tmp_path / "clip.wav", samples)
    events = (Annotation(((0.5, 1.5),), "A zorb plings.", "zorb"), Annotation(((1.0, 2.0),), "A gong.", "gong"))
    clip = Row(id="d", audio=str(tmp_path / "clip.wav"), task="dense_caption", duration=3.0, events=events)
    for row in mix_clips([clip], [scene], tmp_path / "mixed", CONFIG):
        [(zorb_start, zorb_end)], [(gong_start, gong_end)] = (event.intervals for event in row.events[1:])
        assert gong_start - zorb_start == pytest.approx(0.5, abs=0.002)
        assert (zorb_end - zorb_start, gong_end - gong_start) == (pytest.approx(1.0, abs=0.002),) * 2


def test_known_sounds_that_overlap_another_are_not_mixed_without_it(scene, clip, tmp_path):
    overlapping = (Annotation(((0.5, 1.5),), "A cow moos.", "cow"), Annotation(((1.0, 2.0),), "A dog barks.", "dog"))
    alone = Annotation(((2.2, 2.8),), "A bell rings.", "church_bells")
    other = Row(id="o", audio=clip[0].audio, task="dense_caption", duration=3.0, events=(*overlapping, alone))
    rows = mix_known([scene, other], tmp_path / "mixed", CONFIG)
    moved = [row.events[-1].caption for row in rows if len(row.events) == 2]  # those mixed into the scene of rain
    assert set(moved) == {"A bell rings."}


def test_a_query_about_a_group_is_not_copied(scene, clip, tmp_path):
    group = Row(id="g", audio=clip[0].audio, task="ground", query="An animal.", events=(Annotation(CLIP.intervals),),
                duration=3.0)  # fmt: skip
    rows = mix_clips([*clip, group], [scene], tmp_path / "mixed", CONFIG)
    assert {row.query for row in rows if row.task == "ground"} == {"a zorb"}
