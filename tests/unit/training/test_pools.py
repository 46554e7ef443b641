"""Which recordings are trained on, which are held out, and which are of no known kind."""

import numpy as np
import pytest

from tests.small_recordings import data_set
from training.data.pools import read_pool
from training.data.recordings import DataError, read_recordings, read_samples

UNKNOWN = ("owl", "camel", "zipper", "coin", "burp", "whistle")
"""Labels that surely are of none of the kinds."""


def fingerprints(pool):
    """What is in a pool, each part by its first samples."""
    return {part[:50].tobytes() for parts in (pool.parts, pool.others) for some in parts.values() for part in some}


def sources(folder, pool):
    """The sources of a pool's parts."""
    by_sound = {read_samples(r)[:50].tobytes(): r.source for r in read_recordings([folder])}
    return {by_sound[sound] for sound in fingerprints(pool)}


def counts(parts):
    return {kind: len(some) for kind, some in parts.items()}


def test_known_kinds_are_split_by_fold_and_each_speed_is_a_part(tmp_path):
    data_set(tmp_path, ("dog", 1, "a"), ("rain", 3, "b"), ("dog", 4, "c"), ("cat", 5, "d"))
    train = read_pool([tmp_path], "train", speeds=(1.0, 1.25))
    assert counts(train.parts) == {"dog": 2, "rain": 2}
    assert len(train.parts["dog"][1]) == pytest.approx(len(train.parts["dog"][0]) / 1.25, rel=0.01)
    assert counts(read_pool([tmp_path], "validate").parts) == {"dog": 1}


def test_several_folders_are_one_pool(tmp_path):
    one, two = data_set(tmp_path / "1", ("dog", 1, "a")), data_set(tmp_path / "2", ("dog", 2, "b"), ("rain", 1, "c"))
    assert counts(read_pool([one, two], "train").parts) == {"dog": 2, "rain": 1}


def test_unknown_sounds_are_split_by_label_whatever_their_fold(tmp_path):
    clips = [(label, fold, f"{label} {fold}") for label in UNKNOWN for fold in (1, 4)]
    folder = data_set(tmp_path, ("dog", 1, "a"), ("dog", 4, "b"), *clips)
    sides = [read_pool([folder], side).others for side in ("train", "validate")]
    assert all(sides)
    assert not sides[0].keys() & sides[1].keys()
    assert counts(sides[0]) | counts(sides[1]) == {f"unknown:{label}": 2 for label in UNKNOWN}


def test_no_source_is_on_both_sides(tmp_path):
    many = [f"source {n}" for n in range(12)]
    labels = ("dog", "rain", "cat", *UNKNOWN)
    clips = [(labels[n % 9], (1, 4, 2, 4, 3)[n % 5], many[(7 * n) % 12]) for n in range(28)]
    folder = data_set(tmp_path, *clips)
    train, validate = (sources(folder, read_pool([folder], side)) for side in ("train", "validate"))
    assert min(len(train), len(validate)) > 1
    assert not train & validate


def test_an_unknown_sound_of_a_voice_that_trains_is_not_validated_with(tmp_path):
    folder = data_set(tmp_path, ("coughing", 1, "ann"), ("owl", 1, "ann"), ("coughing", 4, "bob"), ("owl", 1, "eve"))
    validate = read_pool([folder], "validate")
    assert sources(folder, validate) == {"bob", "eve"}, "of an owl nobody learns"


def test_halves_share_no_source_and_halve_each_kind(tmp_path):
    clips = [("dog", 4, name) for name in "abcde"] + [("rain", 4, name) for name in "defg"] + [("dog", 4, "a")]
    folder = data_set(tmp_path, *clips, *[("owl", 4, name) for name in "aghi"])
    one, other = (read_pool([folder], "validate", half=half) for half in (0, 1))
    assert not sources(folder, one) & sources(folder, other)
    assert fingerprints(one) | fingerprints(other) == fingerprints(read_pool([folder], "validate"))
    assert [counts(half.parts) for half in (one, other)] == [{"dog": 4, "rain": 2}, {"dog": 2, "rain": 2}]
    assert [counts(half.others) for half in (one, other)] == [{"unknown:owl": 2}] * 2


def test_a_half_of_nothing_is_refused(tmp_path):
    folder = data_set(tmp_path, ("dog", 4, "a"))
    with pytest.raises(DataError, match="in half 1"):
        read_pool([folder], "validate", half=1)
    with pytest.raises(DataError, match=r"is in the folds \(1, 2, 3\)"):
        read_pool([folder], "train")


def test_what_may_be_of_a_kind_or_not_is_left_out_and_so_are_other_kinds_than_ten(tmp_path):
    folder = data_set(
        tmp_path, ("dog", 4, "a"), ("cat", 4, "b"), ("traffic", 4, "c"), ("theremin", 4, "d"), ("owl", 4, "e"),
        ("snare_drum", 4, "f"),
    )  # fmt: skip
    assert counts(read_pool([folder], "validate").parts) == {"cat": 1, "dog": 1, "music": 1}
    ten = read_pool([folder], "validate", ten=True)
    assert (counts(ten.parts), dict(ten.others)) == ({"dog": 1}, {})


def test_silence_is_no_part(tmp_path):
    folder = data_set(tmp_path, ("dog", 4, "a"), ("rain", 4, "b"))
    with (folder / "audio" / "1-rain.wav").open("r+b") as file:
        file.seek(44)
        file.write(bytes(16_000))
    pool = read_pool([folder], "validate")
    assert counts(pool.parts) == {"dog": 1}
    assert all(np.abs(part).max() > 0 for part in pool.parts["dog"])
