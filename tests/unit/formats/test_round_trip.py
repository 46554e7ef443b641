"""Each format, read with the usual library of its users: the same intervals, whatever the text."""

import html
import io
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mir_eval
import pandas
import praatio.textgrid
import pytest
import srt
import webvtt
from hypothesis import example, given
from hypothesis import strategies as st
from pyannote.database.util import load_rttm

from tests.answers import PLAIN, any_answer
from timeaudio.formats import FORMAT_NAMES, write
from timeaudio.formats.tracks import spans, tracks
from timeaudio.labels import LabelledInterval, one_line
from timeaudio.results import AnyAnswer, DenseCaption, Grounding, QuestionAnswer, Summary

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # jams 0.3.5 uses deprecated functions
    import jams

Row = tuple[int, int, str]

KINDS = {"dense_caption": DenseCaption, "ground": Grounding, "summarize": Summary, "ask": QuestionAnswer}


def plain(test: Callable[..., Any]) -> Callable[..., Any]:
    """Try the plain answers besides the random ones."""
    for answer in PLAIN.values():
        test = example(answer=answer)(test)
    return test


def rows(found: list[LabelledInterval]) -> list[Row]:
    return [(span.start_ms, span.end_ms, span.label) for span in found]


def ms(seconds: float) -> int:
    return round(seconds * 1000)


def read_srt(text: str) -> list[Row]:
    return [
        (ms(cue.start.total_seconds()), ms(cue.end.total_seconds()), cue.content)
        for cue in srt.parse(text)  # raises for invalid cues
    ]


def read_vtt(text: str) -> list[Row]:
    captions = webvtt.from_string(text).captions
    return [(c.start_time.in_milliseconds(), c.end_time.in_milliseconds(), html.unescape(c.raw_text)) for c in captions]


def read_tsv(text: str) -> list[Row]:
    table = pandas.read_csv(io.StringIO(text), sep="\t", keep_default_na=False, dtype={"event_label": str})
    assert list(table.columns) == ["filename", "onset", "offset", "event_label"]
    assert set(table.filename) <= {"street.flac"}
    return [(ms(row.onset), ms(row.offset), row.event_label) for row in table.itertuples()]


def read_audacity(text: str) -> list[Row]:
    if not text:
        return []
    found, labels = mir_eval.io.load_labeled_intervals(io.StringIO(text), delimiter="\t", comment=None)
    return [(ms(start), ms(end), label) for (start, end), label in zip(found, labels, strict=True)]


def read_rttm(text: str) -> list[Row]:
    annotations = load_rttm(io.StringIO(text)) if text else {}
    assert set(annotations) <= {"street"}
    found = [
        (ms(segment.start), ms(segment.end), label)
        for annotation in annotations.values()
        for segment, _, label in annotation.itertracks(yield_label=True)
    ]
    return sorted(found, key=lambda row: row[:2])


def read_jams(text: str) -> list[Row]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = jams.load(io.StringIO(text), validate=True, strict=True)
    assert file.file_metadata.title == "street.flac"
    return [(ms(o.time), ms(o.time + o.duration), o.value) for note in file.annotations for o in note.data]


def read_textgrid(text: str, folder: Path) -> list[Row]:
    path = folder / "street.TextGrid"
    path.write_text(text, encoding="utf-8")
    grid = praatio.textgrid.openTextgrid(str(path), includeEmptyIntervals=True)
    found = []
    for tier in grid.tiers:
        assert tier.entries[0].start == 0
        assert tier.entries[-1].end == grid.maxTimestamp
        for left, right in zip(tier.entries, tier.entries[1:], strict=False):
            assert left.end == right.start
        found += [(ms(entry.start), ms(entry.end), entry.label) for entry in tier.entries if entry.label]
    return sorted(found, key=lambda row: row[:2])


def read_label_studio(text: str) -> list[Row]:
    (task,) = json.loads(text)
    (prediction,) = task["predictions"]
    regions: dict[str, dict[str, object]] = {}
    for part in prediction["result"]:
        regions.setdefault(part["id"], {})[part["type"]] = part["value"]
    assert all(region.keys() == {"labels", "textarea"} for region in regions.values())
    return [(ms(r["textarea"]["start"]), ms(r["textarea"]["end"]), r["textarea"]["text"][0]) for r in regions.values()]


def read_verbose_json(text: str) -> list[Row]:
    return [(ms(s["start"]), ms(s["end"]), s["text"]) for s in json.loads(text)["segments"]]


READERS = {
    "srt": read_srt,
    "vtt": read_vtt,
    "tsv": read_tsv,
    "audacity": read_audacity,
    "rttm": read_rttm,
    "jams": read_jams,
    "label-studio": read_label_studio,
    "verbose_json": read_verbose_json,
}
SPELLING = {
    "srt": lambda words: words.replace("-->", "->"),
    "rttm": lambda words: words.replace(" ", "_").replace('"', "'"),
    "tsv": lambda words: f"'{words}" if words[0] in "=+-@" else words,
}
NOT_A_NUMBER = {"<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null", "#N/A", "#NA", "-NaN", "-nan", ""}
"""Text that pandas, and so pyannote's reader, treats as missing."""


def check(answer: AnyAnswer, format_name: str) -> None:
    spelling = SPELLING.get(format_name, str)
    expected = [(start, end, spelling(label)) for start, end, label in rows(spans(answer))]
    found = READERS[format_name](write(answer, format_name, name="street.flac"))
    if format_name == "rttm":
        expected = [row if row[2] not in NOT_A_NUMBER else (*row[:2], None) for row in expected]
        found = [row if isinstance(row[2], str) else (*row[:2], None) for row in found]
    assert sorted(found, key=str) == sorted(expected, key=str)
    if format_name not in ("jams", "label-studio"):  # these keep tracks together
        assert [row[:2] for row in found] == sorted(row[:2] for row in expected), "in order of time"


@pytest.mark.parametrize("format_name", READERS)
@plain
@given(answer=any_answer())
def test_any_answer(answer: AnyAnswer, format_name: str) -> None:
    check(answer, format_name)


@plain
@given(answer=any_answer())
def test_a_textgrid_of_any_answer(answer: AnyAnswer, tmp_path_factory: pytest.TempPathFactory) -> None:
    found = read_textgrid(write(answer, "textgrid"), tmp_path_factory.mktemp("grid"))
    assert sorted(found) == sorted(rows(spans(answer)))


@given(answer=any_answer())
def test_json_is_the_answer_itself(answer: AnyAnswer) -> None:
    assert type(answer).model_validate_json(write(answer, "json")) == answer


@given(answer=any_answer())
def test_verbose_json_contains_the_answer_too(answer: AnyAnswer) -> None:
    if isinstance(answer, Summary):
        answer = answer.model_copy(update={"segments": tuple(sorted(answer.segments, key=lambda s: (s.start, s.end)))})
    output = json.loads(write(answer, "verbose_json"))
    assert isinstance(answer, KINDS[output["task"]])
    assert type(answer).model_validate(output) == answer
    assert output["duration"] == answer.audio.duration


@given(answer=any_answer(), name=st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_every_text_can_be_stored(answer: AnyAnswer, name: str) -> None:
    for format_name in FORMAT_NAMES:
        text = write(answer, format_name, name=name)
        assert text.encode().decode() == text, format_name
        if format_name in ("audacity", "rttm"):
            assert len(text.splitlines()) == text.count("\n") == len(spans(answer)), format_name


@given(words=st.text())
def test_one_line_returns_one_line_with_all_letters(words: str) -> None:
    line = one_line(words)
    assert line.splitlines() == [line]
    assert not set(line) & set("\t\n\r\0")
    letters = [letter for letter in words if letter.isalnum()]
    assert [letter for letter in line if letter.isalnum()] == letters


def test_every_answer_has_a_track_even_for_absent_queries() -> None:
    assert [(t.kind, t.name, len(t.spans)) for t in tracks(PLAIN["ground"])] == [
        ("query", "a dog barks", 1),
        ("query", "rain", 0),
    ]
    assert all(tracks(answer) for answer in PLAIN.values())


def test_the_error_for_an_unknown_format_lists_all_formats() -> None:
    with pytest.raises(ValueError, match="'ass' is not a format. Use one of json, verbose_json, srt"):
        write(PLAIN["ask"], "ass")


def test_a_table_has_no_formulas() -> None:
    for text in ("=1+1", "+1", "-1", "@SUM(A1)"):
        answer = PLAIN["ground"].model_copy(
            update={"results": (PLAIN["ground"].results[0].model_copy(update={"query": text}),)}
        )
        name, *_, label = write(answer, "tsv", name=text).splitlines()[1].split("\t")
        assert (name, label) == (f"'{text}", f"'{text}")
    for name in ("-0RWZT-miFs_30.wav", "street=1.wav"):
        assert write(PLAIN["ground"], "tsv", name=name).splitlines()[1].startswith(f"{name}\t")
