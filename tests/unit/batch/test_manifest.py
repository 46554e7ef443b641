"""The input of a batch: folders, lists and tables, whole or in shards."""

import os
import threading
from pathlib import Path

import pytest

from timeaudio.batch.manifest import BatchManifestError, Shard, read_manifest
from timeaudio.batch.row_counts import RowCounts
from timeaudio.batch.task_spec import TaskSpec

WHOLE = Shard()
LISTS = {
    "a.txt": "a.wav\n\n# no\nb c.wav\r\na.wav\n",
    "a.csv": 'id,path\n1,a.wav\n2,"b c.wav"\n3,a.wav\n',
    "a.tsv": "path\tid\na.wav\t1\nb c.wav\t2\n",
    "a.jsonl": '{"path": "a.wav", "id": 1}\n\n{"path": "b c.wav"}\n',
}


@pytest.mark.parametrize("name", LISTS)
def test_each_path_is_read_once_in_order(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(LISTS[name], newline="")
    assert list(read_manifest(tmp_path / name, WHOLE)) == ["a.wav", "b c.wav"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_list_from_windows_is_read(tmp_path: Path, encoding: str) -> None:
    for name, lines in LISTS.items():
        text = lines.replace("\r\n", "\n").replace("\n", "\r\n")
        (tmp_path / name).write_text(text, encoding=encoding, newline="")
        assert list(read_manifest(tmp_path / name, WHOLE)) == ["a.wav", "b c.wav"], name


def test_a_folder_is_searched(tmp_path: Path) -> None:
    for name in ("b.flac", "a.wav", "deep/c.mp3", "notes.txt", ".hidden.wav"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    found = [str(Path(path).relative_to(tmp_path)) for path in read_manifest(tmp_path, WHOLE)]
    assert found == ["a.wav", "b.flac", "deep/c.mp3"]


def test_a_list_from_a_pipe_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"  # as in timeaudio batch <(find ...)
    os.mkfifo(pipe)
    for encoding in ("utf-8", "utf-16"):
        writer = threading.Thread(target=pipe.write_bytes, args=["a.wav\nb c.wav\n".encode(encoding)])
        writer.start()
        assert list(read_manifest(pipe, WHOLE)) == ["a.wav", "b c.wav"]
        writer.join()


def test_a_folder_without_recordings_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(BatchManifestError, match="holds no recordings"):
        list(read_manifest(tmp_path, WHOLE))


def test_a_recording_is_not_read_as_a_list(tmp_path: Path) -> None:
    (tmp_path / "a.WAV").write_bytes(b"RIFF")
    with pytest.raises(BatchManifestError, match="is a recording. Name its folder"):
        list(read_manifest(tmp_path / "a.WAV", WHOLE))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "file\na.wav\n", "no column 'path'"),
        ("a.csv", "id,path\n1\n", "row 2"),
        ("a.csv", 'path\n"a.wav\n' + "b.wav\n" * 30_000, "quotation mark not closed"),
        ("a.jsonl", '{"path": "a.wav"}\n{"file": "b.wav"}\n', "line 2"),
        ("a.jsonl", '{"path": "a.wav"\n', "line 1"),
        ("a.jsonl", '{"path": 3}\n', "line 1"),
        ("a.jsonl", '{"path": "a\\u0000.wav"}\n', "zero byte in 'a"),
        ("a.txt", "a.wav\0\n", "zero byte in 'a.wav"),
    ],
)
def test_the_error_names_the_line_that_cannot_be_read(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BatchManifestError, match=message):
        list(read_manifest(tmp_path / name, WHOLE))


def test_shards_cover_all_paths_without_overlap(tmp_path: Path) -> None:
    manifest = tmp_path / "a.txt"
    paths = [f"{number}.wav" for number in range(1000)]
    manifest.write_text("\n".join(paths))
    parts = [list(read_manifest(manifest, Shard(index, 4))) for index in (1, 2, 3, 4)]
    assert sorted(sum(parts, [])) == sorted(paths)
    assert all(200 < len(part) < 300 for part in parts)


def test_an_invalid_shard_is_rejected() -> None:
    for text in ["0/4", "5/4", "1", "a/b", "1/0", "-1/2", ""]:
        with pytest.raises(ValueError, match="3/16"):
            Shard.parse(text)


@pytest.mark.parametrize(
    ("task", "words"), [("ground", ()), ("ask", ()), ("ask", ("a", "b")), ("caption", ("a",)), ("summarize", ("a",))]
)
def test_words_that_do_not_fit_the_task_are_rejected(task: str, words: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="-q|words"):
        TaskSpec(task, words)  # type: ignore[arg-type]


def test_the_cost_follows_from_the_measured_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("timeaudio.batch.row_counts.time.monotonic", lambda: now[0])
    account = RowCounts(lambda _: None, price=5.0)
    assert account.cost is None
    now[0] += 36.0  # an hour of audio in 36 s: 100 h/h, 1,000 h take 10 h
    account.add({"status": "ok", "answer": {"audio": {"duration": 3600.0}}})
    assert account.cost == pytest.approx(50.0)
    assert "1.00 h of audio at 100.0 h/h; 1,000 h cost 50.00" in str(account)
