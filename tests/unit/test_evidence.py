"""How much audio tokens resemble words, and the decision whether a query occurs."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.audio.decode import decode_audio
from model.audio.waveform import Waveform
from model.checkpoint import CALIBRATION, WORDS
from model.confidence import Calibration
from model.engine.biases import ChoiceBias
from model.engine.masks import GrammarMasks
from model.engine.sampling import restricted
from model.engine.sequence import Prefix, Sequence
from model.errors import CheckpointError
from model.evidence import Evidence, WordVectors
from model.known_captions import KnownCaptions
from model.language.decoding import Decoding
from model.pipeline import Pipeline
from model.presence import Occurrence, Presence, log_odds
from model.timeline.interval import Interval
from model.word_map import WordMap

RARE, OTHER, MARKERS = 900, 901, (950, 951)
WINDOW_FRAMES = 17


@pytest.fixture(scope="module")
def embedding() -> torch.Tensor:
    return torch.randn(1000, 64, generator=torch.Generator().manual_seed(0))


def tokens_of(embedding: torch.Tensor, ids: list[int]) -> torch.Tensor:
    return embedding[ids] + 0.1 * torch.randn(len(ids), 64, generator=torch.Generator().manual_seed(1))


def test_a_sound_resembles_its_own_word_where_it_sounds(embedding):
    vectors = WordVectors(embedding, MARKERS)
    recording = Evidence(vectors, tokens_of(embedding, [OTHER] * 20 + [RARE] * 10), 102, WINDOW_FRAMES)
    assert recording([RARE]) > 0.6
    assert recording([RARE], Interval(68, 102)) == recording([RARE])
    assert recording([RARE], Interval(0, 60)) < 0
    assert recording([500]) < 0.4


def test_a_map_turns_words_towards_the_names_of_sounds(embedding):
    mean = embedding.mean(dim=0)
    given, name = embedding[OTHER] - mean, embedding[RARE] - mean
    weight = torch.outer(name, given) / given.square().sum()  # OTHER means RARE
    word_map = WordMap(weight, torch.zeros(64), mean)
    vectors = WordVectors(embedding, MARKERS)
    assert torch.allclose(word_map(vectors([OTHER])), torch.nn.functional.normalize(name, dim=0), atol=1e-5)
    sounds = tokens_of(embedding, [500] * 20 + [RARE] * 10)
    mapped, plain = (Evidence(vectors, sounds, 102, WINDOW_FRAMES, some) for some in (word_map, None))
    assert mapped([OTHER]) > 0.6
    assert plain([OTHER]) < 0.3


def test_a_sound_that_fills_its_recording_is_found_if_the_usual_token_is_known(embedding):
    usual = WordMap(torch.eye(64), torch.zeros(64), embedding.mean(dim=0))
    for word_map, expected in ((usual, True), (None, False)):
        tokens = tokens_of(embedding, [RARE] * 30)
        recording = Evidence(WordVectors(embedding, MARKERS), tokens, 102, WINDOW_FRAMES, word_map)
        assert (recording([RARE]) > 0.5) == expected


def test_each_tenth_has_the_evidence_of_its_window_and_the_neighbours(embedding):
    vectors = WordVectors(embedding, MARKERS)
    recording = Evidence(vectors, tokens_of(embedding, [OTHER] * 20 + [RARE] * 10), 102, WINDOW_FRAMES)
    found = recording.by_tenth([RARE])
    assert found is not None
    assert len(found) == 102
    assert min(found[72:]) > 0.5 > max(found[:60])
    assert found[0] == found[3]  # one window is 3.4 tenths
    assert recording.by_tenth([]) is None
    assert Evidence(vectors, tokens_of(embedding, [OTHER, RARE, RARE, RARE]), 600, 17).by_tenth([RARE]) is None


def test_parts_are_compared_with_many_words_at_once(embedding):
    vectors = WordVectors(embedding, MARKERS)
    recording = Evidence(vectors, tokens_of(embedding, [OTHER] * 20 + [RARE] * 10), 102, WINDOW_FRAMES)
    directions = torch.stack([recording.direction([word]) for word in (RARE, OTHER)])
    rare, other = recording.compare(directions, [Interval(68, 85), Interval(90, 102)])
    assert rare > 0.6
    assert other < 0
    both = recording.compare(directions, [Interval(0, 40), Interval(68, 102)])
    assert max(both) < rare, "the mean token resembles either word less"
    assert Evidence(vectors, tokens_of(embedding, [RARE] * 4), 102, WINDOW_FRAMES).compare(directions, []) is None


def test_a_word_map_is_written_and_checked(tmp_path):
    path = tmp_path / WORDS
    with pytest.raises(CheckpointError, match=r"is missing.*timeaudio calibrate"):
        WordMap.read(path, 8)
    WordMap(torch.eye(8) / 2, torch.arange(8.0), torch.full((8,), 0.1)).write(path)
    found = WordMap.read(path, 8)
    assert torch.equal(found.weight, torch.eye(8) / 2)
    assert torch.equal(found.bias, torch.arange(8.0))
    assert torch.equal(found.centre, torch.full((8,), 0.1))
    with pytest.raises(CheckpointError, match=r"embeddings of 16 numbers.*timeaudio calibrate"):
        WordMap.read(path, 16)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="timeaudio calibrate"):
        WordMap.read(path, 8)


def test_times_among_the_tokens_are_left_out(embedding):
    vectors = WordVectors(embedding, MARKERS)
    sounds = tokens_of(embedding, [OTHER] * 5 + [RARE] * 5)
    timed = torch.cat([embedding[[950]], sounds[:5], embedding[[951]], sounds[5:]])
    alone, with_times = (Evidence(vectors, tokens, 34, WINDOW_FRAMES)([RARE]) for tokens in (sounds, timed))
    assert with_times == pytest.approx(alone)


def test_merged_tokens_have_no_windows_so_all_of_them_count(embedding):
    merged = Evidence(WordVectors(embedding, MARKERS), tokens_of(embedding, [OTHER, RARE, RARE, RARE]), 600, 17)
    assert merged([RARE], Interval(0, 10)) == merged([RARE])


def test_an_embedding_says_what_sounds_in_an_interval(embedding):
    vectors = WordVectors(embedding, MARKERS)
    sounds = tokens_of(embedding, [OTHER] * 10 + [RARE] * 10)
    timed = torch.cat([embedding[[950]], sounds[:10], embedding[[951]], sounds[10:]])
    recording = Evidence(vectors, timed, 68, WINDOW_FRAMES)
    early, late, whole = (recording.embedding(part) for part in (Interval(0, 34), Interval(34, 68), Interval(0, 68)))
    expected = torch.nn.functional.normalize(sounds[10:].mean(dim=0) - embedding.mean(dim=0), dim=0)
    assert late == pytest.approx(expected.tolist(), abs=1e-6)
    name = torch.nn.functional.normalize(vectors([RARE]), dim=0)
    assert torch.tensor(late) @ name > 0.9
    assert abs(torch.tensor(early) @ name) < 0.4
    assert torch.tensor(whole).norm() == pytest.approx(1.0)
    again = Evidence(vectors, tokens_of(embedding, [RARE] * 6), 20, WINDOW_FRAMES).embedding(Interval(0, 20))
    assert torch.tensor(again) @ torch.tensor(late) > 0.9  # in another recording, which it fills


@pytest.mark.parametrize(("start", "end"), [(0, 1), (3, 4), (66, 68), (67, 68), (67, 75)])
def test_the_shortest_interval_has_an_embedding(embedding, start, end):
    recording = Evidence(WordVectors(embedding, MARKERS), tokens_of(embedding, [OTHER] * 20), 68, WINDOW_FRAMES)
    assert torch.tensor(recording.embedding(Interval(start, end))).norm() == pytest.approx(1.0)


def test_merged_tokens_give_no_embedding(embedding):
    for tokens in (tokens_of(embedding, [OTHER, RARE, RARE, RARE]), embedding[[MARKERS[0]]]):
        recording = Evidence(WordVectors(embedding, MARKERS), tokens, 600, WINDOW_FRAMES)
        assert recording.embedding(Interval(0, 10)) is None


def test_no_words_are_no_evidence(embedding):
    assert Evidence(WordVectors(embedding, MARKERS), embedding[:5], 17, WINDOW_FRAMES)([]) == 0.0


def test_the_bias_chooses_what_is_more_likely():
    presence = Presence(bias=-1.0, language=0.5, evidence=4.0, present=(3,), absent=4)
    for language, evidence in ((-3.0, 0.5), (1.0, 0.1), (2.5, 0.0), (-0.5, 0.3)):
        is_likely = -1.0 + 0.5 * language + 4.0 * evidence > 0
        assert (language + presence.bias_of(evidence) > 0) == is_likely
    few, many = (presence.bias_of(0.2, num_passes) for num_passes in (2, 20))
    assert presence.bias_of(0.2) == presence.bias_of(0.2, 1) > few > many


def test_log_odds_computed_by_hand():
    assert log_odds(math.log(0.8), chosen=True) == pytest.approx(math.log(4))
    assert log_odds(math.log(0.8), chosen=False) == pytest.approx(-math.log(4))
    assert math.isfinite(log_odds(0.0, chosen=True))


def test_presence_and_occurrence_of_a_checkpoint_are_written_and_checked(tmp_path):
    path, presence = tmp_path / CALIBRATION, {"ask": Presence(0.5, 1.0, 2.0, (7, 9), 8)}
    occurrence = {"ask": Occurrence(-2.0, 15.0, -8.0)}
    Calibration({}, presence, occurrence).write(path, {})
    assert Calibration.read(path) == Calibration({}, presence, occurrence)
    captions = KnownCaptions({"dog": ("A dog barks.",)}, ("A sound.",), 0.3, weight=20.0, floor=0.2)
    Calibration({}, captions=captions).write(path, {})
    assert Calibration.read(path).captions == captions
    Calibration({}, captions=replace(captions, weight=math.nan)).write(path, {})
    with pytest.raises(CheckpointError, match="timeaudio calibrate"):
        Calibration.read(path)
    Calibration({}, presence, occurrence).write(path, {})
    former = json.loads(path.read_text()) | {
        "presence": {"bias": 0.5, "language": 1.0, "evidence": 2.0, "tokens": [7, 8]}
    }
    path.write_text(json.dumps(former))
    with pytest.raises(CheckpointError, match="timeaudio calibrate"):
        Calibration.read(path)
    for wrong in (replace(presence["ask"], language=0.0), replace(presence["ask"], bias=math.nan)):
        Calibration({}, {"ask": wrong}).write(path, {})
        with pytest.raises(CheckpointError, match="timeaudio calibrate"):
            Calibration.read(path)
    Calibration({}, presence, {"ask": Occurrence(math.inf, 1.0, 0.0)}).write(path, {})
    with pytest.raises(CheckpointError, match="timeaudio calibrate"):
        Calibration.read(path)


@pytest.mark.parametrize(
    ("logits", "expected"),
    [
        ([0.0, 3.0, 2.0, 1.0], 2),  # "yes" against "no": shifted
        ([0.0, 1.0, 2.0, 3.0], 2),  # "at" against "no": shifted
        ([2.0, 3.0, 1.0, 0.0], 1),  # another word is nearly as good: no choice between these
        ([3.0, 2.0, 1.0, 0.0], 0),
    ],
)
def test_a_bias_shifts_only_the_choice_between_its_tokens(logits, expected):
    sequence = Sequence(Prefix(torch.zeros(1, 8)), torch.zeros(1, 8), Decoding(), None, frozenset())
    sequence.search.choice = ChoiceBias(2, (1, 3), 1.5)
    masks = GrammarMasks(4, 4, device=torch.device("cpu"))
    found = restricted([sequence], torch.tensor([[logits]]), masks)
    assert int(found.argmax()) == expected


@pytest.mark.parametrize("num_beams", [1, 2])
def test_evidence_decides_which_answer_the_embedded_checkpoint_writes(num_beams):
    pipeline = Pipeline.load(num_slots=2)
    assert pipeline.model.calibration is not None
    fitted = pipeline.model.calibration.presence
    noise = Waveform((0.02 * np.random.default_rng(0).standard_normal(48_000)).astype(np.float32))
    recording = pipeline.encode(noise)
    decoding = Decoding(num_beams=num_beams, max_new_tokens=40)
    answers = []
    for bias in (1e4, -1e4):
        pipeline.model.calibration = Calibration({}, {"ground": replace(fitted["ground"], bias=bias)})
        answers.append(pipeline.ground(recording, "a dog barking", decoding))
    assert answers[0].events
    assert answers[0].text.startswith("The given query happens")
    assert not answers[1].events
    assert answers[1].text.startswith("The given query does not occur")


def test_a_sound_that_resembles_no_name_more_than_the_unknown_is_left_unnamed():
    pipeline = Pipeline.load(num_slots=1)
    calibration = pipeline.model.calibration
    assert calibration is not None
    assert calibration.captions is not None
    (clip,) = (Path(__file__).parents[2] / "server").rglob("dog-barking.flac")
    recording = pipeline.encode(decode_audio(clip.read_bytes(), max_seconds=60.0))
    for similarity, is_named in ((-1.0, True), (1.0, False)):
        captions = replace(calibration.captions, unknown_similarity=similarity)
        pipeline.model.calibration = replace(calibration, captions=captions)
        events = pipeline.dense_caption(recording).events
        assert events
        assert [event.caption in captions.unknown for event in events] == [not is_named] * len(events)
