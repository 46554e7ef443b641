"""Spoken bulletins: their facts, the bank they are drawn from, and that what is told of them is what is heard."""

import json
from itertools import product

import numpy as np
import pytest

from training.data.answers import SECTION
from training.data.bank import read_bank, spoken_bank
from training.data.bulletins import (
    FACT_NAMES,
    FACTS,
    FILLERS,
    HEADLINES,
    SUMMARIES,
    combinations,
    is_held_out,
    share_of,
    written,
)
from training.data.newsroom import draw_bulletin
from training.data.recordings import DataError
from training.data.speaking import is_installed, say_as, speaker, voices_for
from training.data.voices import TRAINING_VOICES, UNSEEN_VOICES, VOICES
from training.metrics.facts import stands_in

RATE = 16_000
TONES = voices_for(held_out=False, engine="tones")


def bank_in(folder, **changes):
    options = {"headlines": 60, "fillers_per_voice": 8, "held_out": False, "seed": 1, "voices": TONES}
    return spoken_bank(folder, **options | changes)


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    return bank_in(tmp_path_factory.mktemp("bank"))


def test_every_headline_and_summary_tells_its_three_facts_and_no_filler_tells_any():
    for template in (*HEADLINES, *SUMMARIES):
        for who, did, where in zip(*(values[:16] for values in FACTS.values()), strict=True):
            text = written(template, who, did, where)
            told = {value for values in FACTS.values() for value in values if stands_in(value, text)}
            assert told == {who, did, where}
            assert not text[0].islower()
    values = [value for values in FACTS.values() for value in values]
    assert [(f, v) for f, v in product(FILLERS, values) if stands_in(v, f)] == []


def test_a_tenth_of_all_combinations_is_held_out_and_every_fact_is_on_both_sides():
    trained, held_out = combinations(held_out=False), combinations(held_out=True)
    assert len(trained) + len(held_out) == 16 * 24 * 16
    assert len(held_out) / (len(trained) + len(held_out)) == pytest.approx(0.1, abs=0.01)
    for side in (trained, held_out):
        assert {f"{key}:{value}" for facts in side for key, value in facts.items()} == set(FACT_NAMES)
    # Known values, so that no other machine or version divides them otherwise.
    assert held_out[0] == {"who": "the mayor", "did": "opened a new bridge", "where": "Singapore"}


def test_the_share_of_a_phrase_counts_letters_words_and_stops():
    assert share_of("ab", "ab cd.") == (0.0, pytest.approx(2 / 5))
    assert share_of("CD", "ab cd.") == (pytest.approx(3 / 5), 1.0)
    assert share_of("cd", "ab, cd.") == (pytest.approx(6 / 8), 1.0)
    with pytest.raises(ValueError, match="substring"):
        share_of("x", "ab")


def test_no_voice_is_both_trained_on_and_unseen_and_each_engine_has_one_of_both():
    assert not {*TRAINING_VOICES} & {*UNSEEN_VOICES}
    assert (
        {v.engine for v in TRAINING_VOICES} == {v.engine for v in UNSEEN_VOICES} == {"espeak-ng", "flite", "festival"}
    )
    assert len({*map(str, VOICES)}) == len(VOICES)
    assert {v.sex for v in TRAINING_VOICES} == {"man", "woman"}


def test_a_bank_is_spoken_once_and_holds_one_side_of_the_split(bank, tmp_path):
    folder = tmp_path / "held-out"
    spoken = bank_in(folder, held_out=True)
    made = (folder / "sentences.npy").stat().st_mtime_ns
    assert bank_in(folder, held_out=True).headlines == spoken.headlines == read_bank(folder).headlines
    assert (folder / "sentences.npy").stat().st_mtime_ns == made
    for several, side in ((bank, False), (spoken, True)):
        sentences = [s for voice in several.headlines.values() for s in voice]
        assert len(sentences) == 60
        assert {is_held_out(**s.facts) for s in sentences} == {side}
        assert {len(voice) for voice in several.headlines.values()} == {20}
        assert {len(voice) for voice in several.fillers.values()} == {8}
        assert several.held_out == side
    with pytest.raises(DataError, match="another bank"):
        bank_in(folder, held_out=False)
    with pytest.raises(DataError, match="holds no spoken sentences"):
        read_bank(tmp_path)


def test_a_bank_that_was_interrupted_is_spoken_again(tmp_path, bank):
    (tmp_path / "sentences.npy").write_bytes(b"half of it")
    assert np.array_equal(bank_in(tmp_path).samples, bank.samples)


def test_a_phrase_lies_where_its_letters_sound(bank):
    # Tones spell at 60 ms a letter: the span is off by what a word's rest and the stops are counted for.
    for sentence in bank.headlines["tones:low"]:
        for key, (start, end) in sentence.spans.items():
            first = sentence.text.lower().index(sentence.facts[key].lower())
            assert start / RATE == pytest.approx(0.06 * first, abs=0.2)
            assert (end - start) / RATE == pytest.approx(0.06 * len(sentence.facts[key]), abs=0.2)


@pytest.mark.parametrize("speeds", [(1.0, 1.0), (0.88, 1.15)])
def test_a_bulletin_is_what_is_told_of_it(bank, speeds):
    for seed in range(20):
        seconds = 8.0 + seed
        bulletin = draw_bulletin(bank, np.random.default_rng(seed), seconds, speeds=speeds)
        again = draw_bulletin(bank, np.random.default_rng(seed), seconds, speeds=speeds)
        assert np.array_equal(bulletin.samples, again.samples)
        assert bulletin.events == again.events
        assert bulletin.samples.dtype == np.float32
        assert len(bulletin.samples) == round(seconds * RATE)
        sections = bulletin.sections
        assert sections
        silence = bulletin.samples.copy()
        for section in sections:
            assert 0 <= section.start < section.end <= len(bulletin.samples)
            assert np.abs(bulletin.samples[section.start : section.end]).max() > 0.5
            silence[section.start - 80 : section.end + 80] = 0  # a resampler rings for some samples
            assert not is_held_out(section.who, section.did, section.where)
            assert section.summary() == written(SUMMARIES[0], section.who, section.did, section.where)
        assert np.abs(silence).max() < 1e-2
        gaps = [(b.start - a.end) / RATE for a, b in zip(sections, sections[1:], strict=False)]
        assert all(0.15 / 1.15 - 0.01 <= gap <= 0.5 / 0.88 + 0.01 for gap in gaps)
        assert [e.start for e in bulletin.events] == sorted(e.start for e in bulletin.events)
        assert [(e.start, e.end) for e in bulletin.events if e.kind == SECTION] == [(s.start, s.end) for s in sections]
        for section in sections:
            inside = [e for e in bulletin.events if section.start <= e.start and e.end <= section.end]
            named = {f"who:{section.who}", f"did:{section.did}", f"where:{section.where}"}
            assert {e.kind for e in inside} == named | {SECTION}


def test_a_faster_bulletin_holds_more(bank):
    slow, fast = (
        np.mean([len(draw_bulletin(bank, np.random.default_rng(s), 30.0, speeds=(v, v)).sections) for s in range(20)])
        for v in (0.7, 1.4)
    )
    assert fast > 1.5 * slow


def test_what_is_too_short_for_a_headline_or_too_long_for_the_bank_is_refused(bank):
    shortest = min(s.end - s.start for s in bank.headlines["tones:low"])
    alone = type(bank)(bank.samples, {"tones:low": bank.headlines["tones:low"]}, bank.fillers, False)
    for num_samples in (shortest, shortest + 1):
        (section,) = draw_bulletin(alone, np.random.default_rng(0), num_samples / RATE).sections
        assert section.end - section.start == shortest
    with pytest.raises(DataError, match="hold no headline"):
        draw_bulletin(alone, np.random.default_rng(0), (shortest - 1) / RATE)
    with pytest.raises(DataError, match="20 headlines of tones:low are too few for 600 s"):
        draw_bulletin(alone, np.random.default_rng(0), 600.0)


@pytest.mark.parametrize("engine", ["espeak-ng", "flite", "festival"])
def test_voices_of_an_engine_that_is_here_speak_differently(engine):
    try:
        speaker(engine)
    except DataError:
        pytest.skip(f"{engine} is not installed")
    voices = [voice for voice in VOICES if voice.engine == engine and is_installed(voice)]
    heard = [say_as(voice, "News from Lisbon.") for voice in voices]
    assert all(len(said) > RATE // 2 and np.abs(said).max() > 0.01 for said in heard)
    assert len({said.tobytes() for said in heard}) == len(voices)


def test_a_bank_of_voices_that_are_not_known_is_refused(tmp_path):
    bank_in(tmp_path, headlines=3, fillers_per_voice=1)
    index = tmp_path / "index.json"
    index.write_text(index.read_text().replace("tones:low", "espeak-ng:en-gb"))
    with pytest.raises(DataError, match="older version .espeak-ng:en-gb.: remove it"):
        read_bank(tmp_path)


def test_an_index_names_the_voice_and_the_facts_of_each_sentence(bank, tmp_path):
    bank_in(tmp_path, headlines=3, fillers_per_voice=1)
    told = json.loads((tmp_path / "index.json").read_text())
    assert [len(s["facts"]) for s in told["sentences"]] == [3, 3, 3, 0, 0, 0]
    assert told["voices"] == [str(voice) for voice in TONES]
