"""`timeaudio data sections`: recordings of several readers, with the time and the beginning of each section."""

import numpy as np
import pytest

from model.audio.decode import decode_audio
from tests.small_recordings import noise
from training.data.manifest import Annotation, Row, SpokenWord, write_manifest
from training.data.recordings import active_region
from training.data.validate import read_manifest
from training.data.wav import write_wav
from training.sources.command import main


@pytest.fixture
def clips(tmp_path):
    """Return a manifest of three clips of each of six readers: 2 s of noise in 3 s, with twenty words."""
    rows = []
    for number in range(18):
        reader, name = number // 3, f"{number}.wav"
        samples = np.zeros(48_000, dtype=np.float32)
        samples[8_000:40_000] = noise(2.0, seed=number)
        write_wav(tmp_path / name, samples)
        words = tuple(SpokenWord(f"word{number}x{n}", 0.5 + 0.1 * n, 0.6 + 0.1 * n) for n in range(20))
        rows.append(Row(
            id=str(number), audio=name, task="dense_caption", duration=3.0, words=words, source=f"reader {reader}",
            events=(Annotation(((0.5, 2.5),), "Someone is speaking.", "speech"),),
        ))  # fmt: skip
    write_manifest(tmp_path / "spoken.jsonl", rows)
    return tmp_path / "spoken.jsonl"


def sections(clips, out, *options):
    return main(["sections", "--clips", str(clips), "--out", str(out), *options])


def test_each_section_is_one_reader_and_begins_as_its_reference_says(clips, tmp_path, capsys):
    out = tmp_path / "out"
    assert sections(clips, out, "--count", "3", "--seconds", "12", "20") == 0
    rows = read_manifest(out / "sections.jsonl")
    assert f"3 recordings, {sum(len(row.events) for row in rows)} sections." in capsys.readouterr().out
    for row in rows:
        assert row.task == "summarize"
        assert (row.duration or 0.0) < 23
        samples = decode_audio((out / row.audio).read_bytes(), max_seconds=60.0).samples
        readers = []
        for event in row.events:
            [(start, end)] = event.intervals
            first, last = active_region(samples[round(16_000 * (start - 0.3)) : round(16_000 * (end + 0.3))])
            assert first == pytest.approx(0.3 * 16_000, abs=500)
            assert last - first == pytest.approx(16_000 * (end - start), abs=800)
            said = [word.text for word in row.words if start - 0.05 <= word.start and word.end <= end + 0.25]
            assert " ".join(said[:15]) == event.caption
            readers.append({int(text.removeprefix("word").split("x")[0]) // 3 for text in said})
        assert all(len(each) == 1 for each in readers)
        assert len(set.union(*readers)) == len(readers), "no reader speaks twice"
        gaps = [b.intervals[0][0] - a.intervals[0][1] for a, b in zip(row.events, row.events[1:], strict=False)]
        assert all(0.7 <= gap <= 1.6 for gap in gaps)


def test_the_seed_decides(clips, tmp_path):
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        sections(clips, tmp_path / name, "--count", "1", "--seed", seed)
    a, b, c = ((tmp_path / name / "sections.jsonl").read_text() for name in "abc")
    assert a == b != c


def test_sections_need_readers(clips, tmp_path, capsys):
    clips.write_text(clips.read_text().splitlines()[0] + "\n")
    assert sections(clips, tmp_path / "out") == 2
    assert "at least two readers" in capsys.readouterr().err
