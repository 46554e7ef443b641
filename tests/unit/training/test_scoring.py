import json
import shutil

import pytest

from model.checkpoint import EMBEDDED
from training.data.manifest import Annotation, Row, write_manifest
from training.data.recordings import DataError
from training.data.target_text import target_text
from training.evaluate import main as evaluate
from training.paper_tables import COLUMNS, TABLE_2, TABLE_3, TABLE_4
from training.paper_tables import main as compare
from training.predictions import Prediction, prediction_of_text, read_predictions
from training.scoring import score

DENSE = Row(
    id="d", audio="a.wav", task="dense_caption", duration=10.0,
    events=(
        Annotation(((1.0, 2.0), (4.0, 5.0)), "A dog barks.", "Dog"),
        Annotation(((0.0, 10.0),), "The wind blows.", "Wind"),
    ),
)  # fmt: skip
PRESENT = Row(id="g", audio="a.wav", task="ground", duration=10.0, query="a dog", events=(Annotation(((0.0, 4.0),)),))
ABSENT = Row(id="n", audio="a.wav", task="ground", duration=10.0, query="a cat")
TALK = Row(
    id="s", audio="a.wav", task="summarize", duration=10.0,
    events=(Annotation(((0.0, 5.0),), "The mayor came."), Annotation(((5.0, 10.0),), "The bridge is open.")),
)  # fmt: skip
COUNT = Row(id="c", audio="a.wav", task="ask", duration=10.0, question="How many dogs?", answer="Two dogs.")
ROWS = [DENSE, PRESENT, ABSENT, TALK, COUNT]


@pytest.fixture(autouse=True)
def _without_java(monkeypatch):
    """METEOR starts Java for every score, and has tests of its own."""
    monkeypatch.setenv("PATH", "")


def by_name(scores):
    return {s.name: s for s in scores}


def perfect():
    return {row.id: prediction_of_text(target_text(row), row) for row in ROWS}


def test_the_references_own_answers_have_full_marks_and_no_answers_none():
    scores = by_name(score(ROWS, perfect()))
    wrong = {n: s.value for n, s in scores.items() if "METEOR" not in n and s.value != pytest.approx(1.0)}
    assert wrong == {}
    expected = {"dense Eb-F1", "dense At-F1", "ground mean recall", "ground absent accuracy", "summary ROUGE-L"}
    assert expected <= set(scores)
    scores = by_name(score(ROWS, {}))
    assert scores.pop("ground absent accuracy").value == 1.0, "without an answer, what is absent is right"
    assert {n: s.value for n, s in scores.items() if "METEOR" not in n and s.value != 0.0} == {}


def test_plain_numbers_in_the_papers_format_are_events_too():
    text = "1.0 - 2.0, 4.0 - 5.0 seconds, A dog barks. 0.0 - 10.0 seconds, The wind blows."
    assert set(prediction_of_text(text, DENSE).events) == set(prediction_of_text(target_text(DENSE), DENSE).events)
    assert prediction_of_text("The given query happens in 0.0 - 4.0 seconds.", PRESENT).events[0].intervals == (
        (0.0, 4.0),
    )
    assert [e.caption for e in prediction_of_text("0.0 - 5.0, One. 5.0 - 9.0, Two.", TALK).events] == ["One.", "Two."]
    assert prediction_of_text("I hear a dog.", DENSE).events == ()


def test_an_interval_too_late_costs_event_f1_and_not_the_clips():
    late = prediction_of_text("1.3 - 2.0, 4.0 - 5.0 seconds, A dog barks. 0.0 - 10.0 seconds, The wind blows.", DENSE)
    scores = by_name(score([DENSE], {"d": late}))
    assert scores["dense Eb-F1"].value == pytest.approx(2 / 3)  # 2 of 3 and 3; counting captions it would be 1 of 2
    assert scores["dense Eb-F1"].count == 3
    assert scores["dense At-F1"].value == 1.0


def test_confidences_are_scored_where_they_are_given(tmp_path):
    path = tmp_path / "p.jsonl"

    def predictions(*events):
        path.write_text(json.dumps({"id": "d", "events": [event | {"caption": "A dog barks."} for event in events]}))
        return read_predictions(path, ROWS)

    two = predictions(
        {"intervals": [[1.0, 2.0]], "confidence": 0.9}, {"intervals": [[8.0, 9.0]], "confidence": 0.3}
    )  # fmt: skip
    assert two["d"].confidences == ((0.9,), (0.3,))
    one = predictions({"intervals": [[1.0, 2.0], [8.0, 9.0]], "confidence": [0.9, 0.3]})
    for given in (two, one):
        scores = by_name(score([DENSE], given))
        assert scores["dense ECE"].value == pytest.approx((0.1 + 0.3) / 2)
        assert scores["dense ECE"].count == 2
        assert "dense PSDS" in scores
    assert "dense PSDS" not in by_name(score([DENSE], {"d": Prediction()}))


def test_without_labels_what_no_keyword_knows_counts_on_neither_side():
    """Otherwise a perfect answer about a zipper would have half the marks."""
    events = (Annotation(((1.0, 2.0),), "A zipper is closed."), Annotation(((4.0, 5.0),), "A dog barks."))
    row = Row(id="d", audio="a.wav", task="dense_caption", duration=10.0, events=events)
    scores = by_name(score([row], {"d": Prediction(events)}))
    assert [scores[f"dense {name}"].value for name in ("Eb-F1", "segment F1", "At-F1")] == [1.0, 1.0, 1.0]
    assert "1 true intervals of no known class left out" in scores["dense Eb-F1"].note


def test_unknown_sounds_and_captions_that_say_unknown_are_left_out():
    references = (
        Annotation(((1.0, 2.0),), "A dog barks.", "dog"),
        Annotation(((4.0, 5.0),), "An unidentified sound is heard.", "unknown"),
    )
    row = Row(id="d", audio="a.wav", task="dense_caption", duration=10.0, events=references)
    names = ("dense Eb-F1", "dense segment F1", "dense At-F1")

    def scored(*events):
        predicted = tuple(Annotation(event.intervals, event.caption) for event in events)
        return by_name(score([row], {"d": Prediction(predicted, ((0.9,),) * len(predicted))}))

    for events in (references, references[:1]):
        assert [scored(*events)[name].value for name in names] == [1.0, 1.0, 1.0]
        assert scored(*events)["dense ECE"].value == pytest.approx(0.1)
        assert "by keywords" in scored(*events)["dense Eb-F1"].note
    named = scored(references[0], Annotation(((4.0, 5.0),), "A zipper is closed."))
    assert named["dense Eb-F1"].value == pytest.approx(2 / 3), "a name that is wrong costs"
    assert named["dense ECE"].count == 2


def test_times_in_answers_are_compared_as_digits_however_they_are_written():
    row = Row(id="c", audio="a", task="ask", duration=10.0, question="When?", answer="At {0} seconds.", times=(2.5,))
    right, wrong = ("At 2.5 seconds.", "At 8.1 seconds.")
    found = [by_name(score([row], {"c": Prediction(text=text)}))["ask ROUGE-L"].value for text in (right, wrong)]
    assert found[0] == 1.0
    assert found[1] < 0.7


def test_an_invalid_prediction_is_reported_with_its_line(tmp_path):
    for line, message in [
        ('{"id": "unknown", "answer": "x"}', "'unknown' is missing, or is not an id"),
        ('{"id": "d"}', "'answer' is missing"),
        ("nonsense", "line 1"),
        ('{"id": "d", "events": [{"intervals": [[2, 1]]}]}', "must have 0 <= start < end"),
        ('{"id": "d", "events": [{"intervals": [[1, 2]], "confidence": [0.1, 0.2]}]}', "one for each of 1 intervals"),
    ]:
        (tmp_path / "p.jsonl").write_text(line)
        with pytest.raises(DataError, match=message):
            read_predictions(tmp_path / "p.jsonl", ROWS)


def test_predictions_are_scored_and_compared_from_the_command_line(tmp_path, tone_wav, capsys):
    (tmp_path / "a.wav").write_bytes(tone_wav(10.0))
    manifest, predictions, scores = (tmp_path / name for name in ("m.jsonl", "p.jsonl", "mine.json"))
    write_manifest(manifest, ROWS)
    lines = [{"id": row.id, "answer": target_text(row)} for row in ROWS[:-1]]
    predictions.write_text("".join(json.dumps(line) + "\n" for line in lines))
    given = ["--predictions", str(predictions), "--data", str(manifest), "--json", str(scores)]
    assert evaluate(given) == 0
    assert "1 of 5 lines have no prediction" in capsys.readouterr().out
    assert json.loads(scores.read_text())["scores"]["dense Eb-F1"]["value"] == 1.0
    assert compare([str(scores)]) == 0
    out = capsys.readouterr().out
    assert "TimeAudio 7B" in out
    assert "ours: mine" in out
    other = tmp_path / "other" / "mine.json"
    other.parent.mkdir()
    other.write_bytes(scores.read_bytes())
    assert compare([str(scores), str(other)]) == 0
    assert capsys.readouterr().out.count("mine.json") >= 2, "two files of one name are two rows"
    assert compare([str(manifest)]) == 2
    (tmp_path / "list.json").write_text("[]")
    assert compare([str(tmp_path / "list.json")]) == 2
    assert "holds no scores of a manifest" in capsys.readouterr().err
    assert evaluate(["--data", str(tmp_path / "gone.jsonl")]) == 2


def test_a_checkpoint_answers_a_manifest(tmp_path, tone_wav, capsys):
    (tmp_path / "a.wav").write_bytes(tone_wav(2.0))
    manifest, saved = tmp_path / "m.jsonl", tmp_path / "answers.jsonl"
    short = Row(id="g", audio="a.wav", task="ground", query="a dog")
    write_manifest(manifest, [short, Row(id="c", audio="a.wav", task="summarize")])
    # The embedded checkpoint, as if it had not been trained for summaries.
    model = tmp_path / "two-tasks"
    shutil.copytree(EMBEDDED, model)
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"tasks": ["dense_caption", "ground"]}))
    assert evaluate(["--data", str(manifest), "--save", str(saved), "--model", str(model)]) == 0
    assert "1 lines are of tasks that" in (out := capsys.readouterr().out)
    assert "ground absent accuracy" in out
    (line,) = map(json.loads, saved.read_text().splitlines())
    assert line["id"] == "g"
    # It is calibrated: every interval has its confidence.
    assert all(len(event["confidence"]) == len(event["intervals"]) for event in line["events"])
    assert evaluate(["--data", str(manifest), "--predictions", str(saved)]) == 0


def test_the_papers_tables_are_whole():
    assert {len(row) for table in (TABLE_2, TABLE_3, TABLE_4) for row in table.values()} == {len(COLUMNS)}
    # The last row of the ablation is the paper's model, and so is the ratio that it chose.
    assert TABLE_3["+ markers + time encoding + merging"] == TABLE_2["TimeAudio 7B"]
    assert TABLE_4["ratio 0.25"][7:] == TABLE_2["TimeAudio 7B"][7:]
    # What the paper calls mIoU is the mean of the three recalls.
    gaps = [abs(sum(row[3:6]) / 3 - row[6]) for row in (*TABLE_2.values(), *TABLE_3.values()) if row[3] is not None]
    assert sum(gap < 0.06 for gap in gaps) >= len(gaps) - 2
