"""`timeaudio data spoken`: clips of real and synthetic speech with the time of every word."""

import csv

import numpy as np
import pytest

from model.audio.decode import decode_audio
from tests.small_recordings import noise
from training.data.manifest import SpokenWord
from training.data.recordings import active_region, fold_of_source
from training.data.tts import available_engines, is_installed, synthesise
from training.data.validate import read_manifest
from training.data.voices import HELD_OUT, VOICES
from training.data.wav import write_wav
from training.sources.command import main
from training.sources.speech_clips import DRY, RECORDED, Spoken, at_speed, cut_speech, record
from training.sources.spoken import MANIFEST, group_sentences, installed_voices, read_sentences, read_speech

SENTENCES = [
    f"Number {n} of the mayors opened the bridge in the {('spring', 'summer', 'autumn')[n % 3]}." for n in range(40)
]


@pytest.fixture
def recordings(tmp_path):
    """Return a folder with 12 readers of 4 s each, half of them with a transcript, and a dog."""
    folder = tmp_path / "readers"
    with_text = [f"the mayor number {n} opened a bridge" if n % 2 else "" for n in range(12)]
    rows = [(f"{n}.wav", "speech", f"corpus/{n}", str(100 + n), with_text[n]) for n in range(12)]
    rows.append(("dog.wav", "dog", "somebody", "", ""))
    for name, *_ in rows:
        write_wav(folder / "audio" / name, noise(4.0, seed=len(name)))
    with (folder / "clips.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("filename", "category", "source", "speaker", "transcript"), *rows])
    return folder


@pytest.fixture
def sentences(tmp_path):
    (tmp_path / "sentences.txt").write_text("\n".join([*SENTENCES, "", "---"]))
    return tmp_path / "sentences.txt"


def spoken(out, *options):
    return main(["spoken", "--out", str(out), *map(str, options)])


def test_readers_are_on_one_side_only(recordings):
    train, validate = (read_speech([recordings], side) for side in ("train", "validate"))
    assert len(train) + len(validate) == 12, "and the dog on neither"
    assert {fold_of_source(r.reader) for r in validate} == {4}
    assert {r.reader for r in train} & {r.reader for r in validate} == set()
    assert {r.text is None for r in train} == {True, False}


def test_sentences_and_voices_are_split_too(sentences):
    train, validate = (read_sentences(sentences, side) for side in ("train", "validate"))
    assert sorted(train + validate) == sorted(SENTENCES)
    assert train
    assert validate
    sides = [[voice.name for voice in installed_voices(["tones"], side)] for side in ("train", "validate")]
    assert sides == [["low", "middle"], ["high"]]


def test_no_variant_of_a_held_out_voice_trains():
    variants = [{v.name.partition("+")[2] for v in VOICES if v.engine == "espeak-ng" and (v in HELD_OUT) == held}
                for held in (False, True)]  # fmt: skip
    assert variants[0] & variants[1] == set()


def test_texts_are_whole_sentences_until_they_are_long_enough():
    texts = group_sentences(["One two three.", "Four five."], np.random.default_rng(0))
    first = [next(texts) for _ in range(3)]
    assert all(text == "One two three. Four five." for text in first), "too few words still make a text"
    long = group_sentences(SENTENCES, np.random.default_rng(0))
    assert all(8 <= len(next(long).split()) < 40 for _ in range(20))


def test_a_clip_has_its_words_where_they_sound():
    speech = noise(4.0, seed=3)
    speech[16_000:40_000] = 0.0
    words = [SpokenWord("one", 0.2, 1.0), SpokenWord("two", 2.5, 3.9)]
    (piece,) = cut_speech(speech, words)
    assert len(piece.samples) == round(3.7 * 16_000)
    assert [(w.text, pytest.approx(w.start), pytest.approx(w.end)) for w in piece.words] == [
        ("one", 0.0, 0.8), ("two", 2.3, 3.7),
    ]  # fmt: skip
    fast = at_speed(piece, 1.25)
    assert len(fast.samples) == pytest.approx(len(piece.samples) / 1.25, abs=2)
    samples, timed = record(fast, DRY, np.random.default_rng(1))
    assert 3.0 <= len(samples) / 16_000 <= 15.0
    first, last = active_region(samples)
    assert first / 16_000 == pytest.approx(timed[0].start, abs=0.07), "an active region is as exact as half its 100 ms"
    assert last / 16_000 == pytest.approx(timed[1].end, abs=0.07)
    pause = samples[round((timed[0].end + 0.05) * 16_000) : round((timed[1].start - 0.05) * 16_000)]
    assert np.abs(pause).max() < 0.01
    long = record(Spoken(noise(14.8, seed=1), [SpokenWord("a", 0.0, 14.8)]), RECORDED, np.random.default_rng(2))
    assert len(long[0]) == 15 * 16_000
    assert long[1][0].end <= 15.0 + 1e-6


def test_the_command_writes_clips_and_keeps_those_that_are_there(tmp_path, recordings, sentences, capsys):
    given = [
        "--recordings", recordings, "--sentences", sentences, "--count", 3, "--engine", "tones", "--copies", 2,
    ]  # fmt: skip
    assert spoken(tmp_path / "out", *given) == 0
    shown = capsys.readouterr()
    assert "without a transcript" in shown.err
    rows = read_manifest(tmp_path / "out" / MANIFEST)
    assert f"{len(rows)} clips" in shown.out
    real = [row for row in rows if row.id.startswith("real-")]
    assert len(real) == 2 * len({row.source for row in real})
    for row in rows:
        assert row.task == "dense_caption"
        assert (row.events[0].label, len(row.events)) == ("speech", 1)
        assert 3.0 <= row.duration <= 15.01
        assert row.words[0].start == pytest.approx(row.events[0].intervals[0][0])
        assert decode_audio(row.path(tmp_path / "out").read_bytes(), max_seconds=20.0).duration_s == pytest.approx(
            row.duration, abs=0.01
        )
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out" / "audio").iterdir()}
    assert spoken(tmp_path / "out", *given) == 0
    assert {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out" / "audio").iterdir()} == before
    assert read_manifest(tmp_path / "out" / MANIFEST) == rows
    assert spoken(tmp_path / "out", *given, "--seed", 5) == 2
    assert "differ in seed" in capsys.readouterr().err


def test_mistakes_are_named(tmp_path, sentences, capsys):
    for number, (options, expected) in enumerate(
        (
            ([], "name folders with --recordings, or a text file with --sentences"),
            (["--sentences", tmp_path / "no.txt", "--engine", "tones"], "no.txt does not exist"),
            (["--recordings", tmp_path], "clips.csv does not exist"),
            (["--sentences", sentences, "--engine", "tones", "--whisper", tmp_path], "lacks config.json"),
        )
    ):
        for side in ("train", "validate"):
            assert spoken(tmp_path / f"out-{number}-{side}", *options, "--side", side) == 2
            assert expected in capsys.readouterr().err


@pytest.mark.parametrize("engine", ["espeak-ng", "flite", "festival"])
def test_voices_speak_faster(engine):
    if engine not in available_engines():
        pytest.skip(f"{engine} is not installed")
    voice = next(v for v in VOICES if v.engine == engine and is_installed(v))
    slow, plain, fast = (len(synthesise(voice, "Nobody was hurt in the harbour.", s)) for s in (0.8, 1.0, 1.3))
    assert slow > 1.1 * plain > 1.2 * fast
