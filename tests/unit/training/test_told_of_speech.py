"""What is told of speech, and whether it is right: the embedded checkpoint and a bulletin that training never heard."""

import shutil
from pathlib import Path

import pytest

from model.checkpoint import EMBEDDED
from model.pipeline import Pipeline
from training.data.manifest import Row, Told, write_manifest
from training.data.recordings import DataError
from training.told_of_speech import hear_speech

NEWS = Path(__file__).parents[3] / "server" / "page" / "clips" / "news.flac"
SECTIONS = (
    Told(((0.3, 4.5),), "A student opened a new bridge in Geneva."),
    Told(((4.9, 11.6),), "The professor caught a huge salmon in Madrid."),
    Told(((11.9, 19.1),), "The president broke the swimming record in Boston."),
)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline.load(EMBEDDED)


def bulletin(voice: str, *sections: Told) -> Row:
    return Row(id=voice, audio=NEWS.name, task="summarize", events=sections, source=f"bulletins, {voice}")


def manifest(folder: Path, *rows: Row) -> Path:
    shutil.copy(NEWS, folder / NEWS.name)
    write_manifest(folder / "speech.jsonl", rows)
    return folder / "speech.jsonl"


def test_a_section_is_right_where_its_time_is_and_every_word(pipeline: Pipeline, tmp_path: Path) -> None:
    late = Told(((15.9, 19.1),), SECTIONS[2].caption)
    another = Told(SECTIONS[0].intervals, "A student opened a new bridge in Madrid.")
    rows = bulletin("a", *SECTIONS), bulletin("b", another, SECTIONS[1], late)
    one, other = hear_speech(pipeline, manifest(tmp_path, *rows), None)
    assert [told.is_right for told in one] == [True, True, True]
    assert [told.is_right for told in other] == [False, True, False]
    assert {told.task for told in one + other} == {"summarize"}
    assert [told.features for told in one] == [told.features for told in other]  # the same recording


def test_whatever_is_told_of_other_speech_is_wrong(pipeline: Pipeline, tmp_path: Path) -> None:
    talk = tmp_path / "talk"
    talk.mkdir()
    rows = bulletin("a", *SECTIONS), bulletin("b", *SECTIONS)
    with pytest.raises(DataError, match="name a folder of speech with --talk"):
        hear_speech(pipeline, manifest(tmp_path, *rows), talk)
    for name in ("1.flac", "2.flac"):
        shutil.copy(NEWS, talk / name)
    one, other = hear_speech(pipeline, manifest(tmp_path, *rows), talk)
    assert [told.is_right for told in one] == [told.is_right for told in other] == [True] * 3 + [False] * 3


def test_one_voice_has_no_halves(pipeline: Pipeline, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="summaries of 1 voices"):
        hear_speech(pipeline, manifest(tmp_path, bulletin("a", *SECTIONS)), None)
