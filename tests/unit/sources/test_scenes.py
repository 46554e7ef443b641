"""`timeaudio data scenes` and `tasks`, as they are run."""

import json

import numpy as np
import pytest

from model.audio.decode import decode_audio
from tests.small_recordings import RATE, data_set, pool_of
from training.data.validate import read_manifest
from training.sources.command import main
from training.sources.scenes import REALISTIC, SCENE_LIST, draw_scene, read_scenes, vary_events


@pytest.fixture
def recordings(tmp_path):
    return str(data_set(tmp_path / "recordings", ("dog", 1, "a"), ("rain", 2, "b"), ("coin", 1, "c"), ("dog", 4, "d")))


def scenes(recordings, out, *options):
    given = ["scenes", "--recordings", recordings, "--count", "6", "--seconds", "1.5", "2", "--out", str(out)]
    return main([*given, *options])


def test_scenes_are_functions_of_the_seed_and_their_number():
    pool = pool_of("dog", "rain", others=("unknown:owl",))
    one, two, other, later = (
        draw_scene(pool, [2.0, 3.0], seed, number, realistic=True)
        for seed, number in ((0, 4), (0, 4), (1, 4), (0, 5))
    )  # fmt: skip
    assert one.events == two.events
    assert np.array_equal(one.samples, two.samples)
    assert not np.array_equal(one.samples, other.samples)
    assert (len(one.samples), len(later.samples)) == (2 * RATE, 3 * RATE)


def test_some_scenes_are_empty_and_some_hold_one_kind_again_and_again():
    drawn = [vary_events(REALISTIC, np.random.default_rng(seed)) for seed in range(400)]
    assert 4 < sum(config.max_events == 0 for config in drawn) < 40
    assert 30 < sum(config.min_events == config.max_events == 1 for config in drawn) < 110
    assert 30 < sum(config.repeat_probability == 0.8 for config in drawn) < 110


def test_the_list_says_what_is_in_each_sound_file(tmp_path, recordings, capsys):
    assert scenes(recordings, tmp_path / "out") == 0
    assert f"{SCENE_LIST}: 6 scenes." in capsys.readouterr().out
    found = list(read_scenes(tmp_path / "out" / SCENE_LIST))
    assert len(found) == 6
    for number, (audio, num_samples, events) in enumerate(found):
        assert num_samples == round((1.5, 2.0)[number % 2] * RATE)
        assert decode_audio(audio.read_bytes(), max_seconds=9.0).num_samples == num_samples
        assert all(0 <= e.start < e.end <= num_samples for e in events)
        assert {e.kind for e in events} <= {"dog", "rain", "unknown:coin"}
    assert any(events for _, _, events in found)


def test_a_command_that_was_stopped_goes_on_and_keeps_what_is_there(tmp_path, recordings):
    out = tmp_path / "out"
    assert scenes(recordings, out) == 0
    before, scene_list = {p.name: p.read_bytes() for p in (out / "audio").iterdir()}, (out / SCENE_LIST).read_bytes()
    (out / SCENE_LIST).unlink()
    (out / "audio" / "000001.wav").unlink()
    (out / "audio" / "000003.wav").write_bytes(b"kept as it is")
    assert scenes(recordings, out) == 0
    assert (out / SCENE_LIST).read_bytes() == scene_list
    after = {p.name: p.read_bytes() for p in (out / "audio").iterdir()}
    assert after == before | {"000003.wav": b"kept as it is"}


def test_scenes_of_other_settings_are_not_mixed_into_a_folder(tmp_path, recordings, capsys):
    assert scenes(str(tmp_path), tmp_path / "out") == 2
    assert "meta/esc50.csv" in capsys.readouterr().err
    assert scenes(recordings, tmp_path / "out") == 0
    assert scenes(recordings, tmp_path / "out", "--seed", "1", "--plain") == 2
    assert "holds scenes that differ in seed, realistic: name another folder" in capsys.readouterr().err
    assert scenes(recordings, tmp_path / "out", "--count", "7") == 0, "more of the same"
    assert len(list(read_scenes(tmp_path / "out" / SCENE_LIST))) == 7


def test_scenes_of_recordings_that_changed_are_not_mixed_into_a_folder(tmp_path, capsys):
    clips = [("dog", 1, "a"), ("rain", 1, "b")]
    arguments = ["scenes", "--recordings", str(tmp_path / "data"), "--count", "2", "--seconds", "2"]
    data_set(tmp_path / "data", *clips)
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 0
    data_set(tmp_path / "data", *clips, ("cow", 1, "c"))
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    assert "differ in contents" in capsys.readouterr().err
    assert main([*arguments[:-1], "0", "--out", str(tmp_path / "other")]) == 2
    assert "--seconds must be at least" in capsys.readouterr().err


def test_a_list_becomes_a_manifest_that_can_be_trained_on(tmp_path, recordings):
    assert scenes(recordings, tmp_path / "out") == 0
    manifest = tmp_path / "tasks.jsonl"
    assert main(["tasks", str(tmp_path / "out" / SCENE_LIST), "--out", str(manifest)]) == 0
    rows = read_manifest(manifest)
    assert {row.task for row in rows} == {"dense_caption", "ground", "ask"}
    assert len({row.audio for row in rows}) == 6
    text = manifest.read_text()
    assert main(["tasks", str(tmp_path / "out" / SCENE_LIST), "--out", str(manifest)]) == 0
    assert manifest.read_text() == text
    assert main(["tasks", str(tmp_path / "out" / SCENE_LIST), "--seed", "1", "--out", str(manifest)]) == 0
    assert manifest.read_text() != text


def test_validation_uses_other_recordings_at_their_original_speed(tmp_path, recordings):
    assert scenes(recordings, tmp_path / "out", "--side", "validate", "--plain") == 0
    lines = [json.loads(line) for line in (tmp_path / "out" / SCENE_LIST).read_text().splitlines()]
    assert {kind for line in lines for kind, _, _ in line["events"]} == {"dog"}
    assert max(end - start for line in lines for _, start, end in line["events"]) <= RATE // 2


def test_the_halves_have_different_sources(tmp_path, capsys):
    data = str(data_set(tmp_path / "more", ("dog", 1, "a"), ("dog", 1, "b"), ("rain", 2, "c")))
    kinds = []
    for half in ("0", "1"):
        out = tmp_path / f"half-{half}"
        assert scenes(data, out, "--half", half, "--plain") == 0
        kinds.append({event.kind for _, _, events in read_scenes(out / SCENE_LIST) for event in events})
    assert kinds == [{"dog", "rain"}, {"dog"}], "the only source of rain is in the first half"
    capsys.readouterr()
    assert scenes(data, tmp_path / "half-1", "--plain") == 2
    assert "differ in half" in capsys.readouterr().err
