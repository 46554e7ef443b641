"""Sources of speech, questions and the authors' own files, each in its official form."""

import csv
import json

import numpy as np
import pytest

from model.audio.decode import decode_audio
from training.data.recordings import DataError
from training.data.tts import available_engines, is_installed, make_synthesiser, synthesise, synthesise_sentences
from training.data.validate import row_problems
from training.data.voices import VOICES
from training.data.writer import Writer
from training.sources.cnn_dailymail import align, read_articles, timelines
from training.sources.ftar import FtarReport, parse_answer, read_ftar
from training.sources.librispeech import timelines as joined
from training.sources.librispeech import transcriptions
from training.sources.questions import audiocaps, clotho, is_temporal, open_aqa

STORY = """(CNN) -- The mayor opened a bridge. Many people came to see it.
The weather was fine. In the evening a storm broke the new crane!
Nobody was hurt.

@highlight

A storm broke a crane

@highlight

A bridge was opened by the mayor
"""


def test_highlights_get_the_run_of_sentences_that_they_sum_up():
    sentences = ["The mayor opened a bridge.", "Many came.", "A storm broke the crane.", "Nobody was hurt."]
    found = align(sentences, ["A storm broke a crane.", "A bridge was opened by the mayor."])
    # In the order of time, whatever their own; and each sentence belongs to one of them.
    assert [(text.split()[1], first) for text, first, _ in found] == [("bridge", 0), ("storm", 2)]
    assert [last for _, _, last in found] == [1, 3]
    assert align(["One.", "Two."], ["x y", "z"])[0][1:] == (0, 0)
    with pytest.raises(ValueError, match="cannot divide"):
        align(["One."], ["a", "b"])


def test_every_voice_that_is_here_speaks_and_its_times_are_those_of_its_sound():
    for engine in available_engines():
        samples, spans = synthesise_sentences(
            ["The mayor opened a bridge.", "Nobody was hurt."], "key", make_synthesiser(engine)
        )
        assert samples.dtype == np.float32
        assert spans[0][0] == 0.0, engine
        assert spans[1][1] == pytest.approx(len(samples) / 16_000), engine
        assert spans[1][0] - spans[0][1] == pytest.approx(0.2), engine
        pause = samples[round(spans[0][1] * 16_000) : round(spans[1][0] * 16_000)]
        assert not pause.any()
        assert np.abs(samples[: round(spans[0][1] * 16_000)]).max() == pytest.approx(0.7, abs=0.01), engine


@pytest.mark.parametrize("engine", ["espeak-ng", "flite", "festival"])
def test_voices_of_an_engine_that_is_here_speak_differently(engine):
    if engine not in available_engines():
        pytest.skip(f"{engine} is not installed")
    voices = [voice for voice in VOICES if voice.engine == engine and is_installed(voice)]
    clips = [synthesise(voice, "News from Lisbon.") for voice in voices]
    assert all(len(clip) > 8_000 and np.abs(clip).max() > 0.01 for clip in clips)
    assert len({clip.tobytes() for clip in clips}) == len(voices)


def test_a_voice_that_is_not_here_is_named(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DataError, match=r"espeak-ng is not installed. Available here: .*tones"):
        make_synthesiser("espeak-ng")


def test_stories_are_spoken_and_their_highlights_timed(tmp_path):
    (tmp_path / "stories").mkdir()
    (tmp_path / "stories" / "0a1b.story").write_text(STORY)
    (article,) = read_articles(tmp_path / "stories")
    assert article.sentences[0] == "The mayor opened a bridge."
    assert len(article.sentences) == 5
    (row,) = timelines([article], tmp_path / "speech", make_synthesiser("tones"))
    bridge, storm = row.events
    assert (bridge.caption, storm.caption) == ("A bridge was opened by the mayor.", "A storm broke a crane.")
    assert bridge.intervals[0][0] == 0.0
    assert storm.intervals[0][1] == pytest.approx(row.duration)
    assert storm.intervals[0][0] - bridge.intervals[0][1] == pytest.approx(0.2)
    assert decode_audio((tmp_path / "speech" / "0a1b.wav").read_bytes(), max_seconds=99.0).duration_s == pytest.approx(
        row.duration, abs=0.001
    )
    assert row_problems(row) == []
    assert list(timelines([article], tmp_path, make_synthesiser("tones"), max_characters=article.num_characters)) == []
    assert list(timelines([article], tmp_path, make_synthesiser("tones"), max_seconds=1.0)) == []


def test_the_release_of_tables_gives_the_same_article(tmp_path):
    body, first, second = (part.strip() for part in STORY.split("@highlight"))
    fields = {"id": "0a1b", "article": body, "highlights": f"{first} .\n{second} ."}
    (tmp_path / "t.jsonl").write_text(json.dumps(fields))
    with (tmp_path / "t.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(fields))
        writer.writeheader()
        writer.writerow(fields)
    (tmp_path / "t.story").write_text(STORY)
    a, b, c = (read_articles(tmp_path / name)[0] for name in ("t.jsonl", "t.csv", "."))
    assert (a.sentences, a.highlights) == (b.sentences, b.highlights) == (c.sentences, c.highlights)


@pytest.fixture
def corpus(tmp_path, tone_wav):
    folder = tmp_path / "LibriSpeech" / "train" / "19" / "198"
    folder.mkdir(parents=True)
    lines = [f"19-198-000{n} {words}" for n, words in enumerate(["NORTHANGER ABBEY", "THIS LITTLE WORK WAS FINISHED"])]
    (folder / "19-198.trans.txt").write_text("\n".join(lines) + "\n")
    for n, seconds in enumerate((2.0, 3.0)):
        (folder / f"19-198-000{n}.flac").write_bytes(tone_wav(seconds))  # readers look at the bytes, not at the name
    return tmp_path / "LibriSpeech"


def test_utterances_of_a_chapter_are_joined_with_their_exact_times(corpus, tmp_path):
    (row,) = joined(corpus, tmp_path / "out", Writer(), min_seconds=4.0)
    assert [e.intervals for e in row.events] == [((0.0, 2.0),), ((2.2, 5.2),)]
    assert row.events[1].caption == "This little work was finished."
    assert row.duration == 5.2
    assert list(joined(corpus, tmp_path / "out", Writer(), min_seconds=6.0)) == []
    cut = joined(corpus, tmp_path / "out", Writer(), min_seconds=1.0, max_seconds=5.0)
    assert [row.duration for row in cut] == [2.0, 3.0]


def test_utterances_are_transcribed_too(corpus):
    first, _ = transcriptions(corpus)
    assert (first.task, first.answer) == ("ask", "Northanger abbey.")
    (next(corpus.rglob("*0001.flac"))).unlink()
    with pytest.raises(DataError, match="19-198-0001.flac is missing"):
        list(transcriptions(corpus))


def test_openaqa_gives_its_temporal_questions_and_leaves_their_numbers_alone(tmp_path, audio):
    items = [
        ("What is the duration of the background noise?", "It lasts for {10} s, 2.0 - 3.0."),
        ("What kind of music is it?", "Jazz."),
        ("How many men sing?", "Five."),
    ]
    path = tmp_path / "all_open_qa.json"
    path.write_text(
        json.dumps([
            {"instruction": q, "input": "", "audio_id": "/data/sls/audioset/20k_wav/aX.flac", "dataset": "as_20k",
             "task": "open-ended question", "output": a} for q, a in items
        ])
    )  # fmt: skip
    rows = list(open_aqa(path, audio("aX.wav")))
    assert [row.question for row in rows] == [items[0][0], items[2][0]]
    assert rows[0].answer.format() == items[0][1]
    assert rows[0].times == ()
    assert len(list(open_aqa(path, audio("aX.wav"), count=1))) == 1
    assert not is_temporal("Is the scene indoors?")
    assert not is_temporal("What is the last name of the artist?")


def test_captions_of_two_sets_keep_general_skills(tmp_path, audio):
    (tmp_path / "a.csv").write_text("audiocap_id,youtube_id,start_time,caption\n91139,r1nicOVtvkQ,130,A woman talks\n")
    (row,) = audiocaps(tmp_path / "a.csv", audio("r1nicOVtvkQ_130.wav"))
    assert (row.id, row.answer) == ("audiocaps-91139-0", "A woman talks")
    header = "file_name," + ",".join(f"caption_{n}" for n in range(1, 6))
    (tmp_path / "c.csv").write_text(f"{header}\nDistorted AM Radio.wav,one,two,three,four,five\n")
    assert [r.answer for r in clotho(tmp_path / "c.csv", audio("Distorted AM Radio.wav"))] == [
        "one", "two", "three", "four", "five",
    ]  # fmt: skip


def test_the_authors_answers_become_events_where_they_follow_the_format(tmp_path, audio):
    items = [
        ("Which sound events occur, and what are their time intervals and descriptions?",
         "1.4 - 3.7, 4.3 - 5.1 seconds, A baby's cries. 0.3 - 10.0 seconds, Talk in the 2013 - 14 season."),
        ("What are the start and end times of audio matching 'a dog barking'?",
         "The given query happens in 0.2 - 2.7, 3.3 - 5.7 seconds."),
        ("Can you provide the speech summary with key points at specific time intervals?",
         "0.0 - 4.4, Jan Tighe takes over as head of U.S. Fleet. 4.4 - 8.5, She succeeds Adm. Rogers."),
        ("What is the duration of the noise?", "It lasts 2.0 - 3.0 seconds."),
    ]  # fmt: skip
    path = tmp_path / "dac.json"
    path.write_text(
        json.dumps([
            {"id": n, "audio": "/root/a.wav", "question": q, "answer": a, "duration": 10.0}
            for n, (q, a) in enumerate(items)
        ])
    )  # fmt: skip
    report = FtarReport()
    dense, ground, summary, question = read_ftar(path, audio("a.wav"), report)
    assert [e.intervals for e in dense.events] == [((1.4, 3.7), (4.3, 5.1)), ((0.3, 10.0),)]
    assert dense.events[1].caption == "Talk in the 2013 - 14 season."
    assert (ground.query, ground.events[0].intervals) == ("a dog barking", ((0.2, 2.7), (3.3, 5.7)))
    assert [e.caption for e in summary.events] == [
        "Jan Tighe takes over as head of U.S. Fleet.",
        "She succeeds Adm. Rogers.",
    ]
    assert question.answer == "It lasts 2.0 - 3.0 seconds."
    assert (report.num_timed, len(report.as_prose)) == (3, 1)
    assert all(row_problems(row) == [] for row in (dense, ground, summary, question))


def test_an_answer_of_no_format_stays_prose():
    answers = ["Well, 1.0 - 2.0 seconds, a dog.", "3.0 - 2.0 seconds, a dog.", "", "A dog barks.", "1.0 - 2.0 seconds"]
    assert [answer for answer in answers if parse_answer("Which sounds?", answer)[0] != "ask"] == []
    empty = "The given query happens in 5.0 - 5.0 seconds."
    assert parse_answer("When is the query 'a dog'?", empty) == ("ask", (), "")
