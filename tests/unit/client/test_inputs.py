"""Which files of a folder are recordings, and what happens to links and to kinds that are not read."""

import os
from pathlib import Path

import pytest

from timeaudio.batch.manifest import Shard, read_manifest
from timeaudio.inputs import SUFFIXES, UNREAD_SUFFIXES, describe_left_out, sources


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def places(folder: Path) -> list[str]:
    return [source.place.as_posix() for source in sources([str(folder)])]


def test_rarer_suffixes_count_as_recordings(tmp_path):
    names = [f"a{suffix}" for suffix in (".aifc", ".avi", ".m4v", ".mp2", ".ogx", ".ts", ".wave", ".weba", ".wma")]
    make(tmp_path, *names, "b.WEBA", "c.txt")
    assert places(tmp_path) == [*names, "b.WEBA"]


def test_kinds_that_are_not_read_are_counted(tmp_path, capsys):
    make(tmp_path, "a.wav", "b.APE", "deep/c.dts", "deep/d.ape", "e.txt", ".f.ape")
    left_out: list[Path] = []
    assert [source.place.name for source in sources([str(tmp_path)], left_out)] == ["a.wav"]
    assert sorted(path.name for path in left_out) == ["b.APE", "c.dts", "d.ape"]
    assert describe_left_out(left_out).startswith(
        "3 files were left out, because their format is not supported (.ape, .dts)."
    )
    assert list(read_manifest(tmp_path, Shard())) == [str(tmp_path / "a.wav")]
    assert "3 files were left out" in capsys.readouterr().err
    assert not SUFFIXES & UNREAD_SUFFIXES


def test_linked_folders_are_searched_once_each(tmp_path):
    make(tmp_path / "in", "a.wav", "deep/b.wav")
    make(tmp_path / "elsewhere", "c.wav", ".hidden/d.wav")
    (tmp_path / "in" / "a-link").symlink_to(tmp_path / "in" / "deep")
    (tmp_path / "in" / "far").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "far-too").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / ".far-hidden").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "in" / "file.wav").symlink_to(tmp_path / "elsewhere" / "c.wav")
    assert places(tmp_path / "in") == ["a.wav", "deep/b.wav", "far/c.wav", "file.wav"]


def test_a_loop_of_links_ends(tmp_path):
    make(tmp_path / "in", "a.wav", "deep/b.wav")
    (tmp_path / "in" / "deep" / "up").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "self").symlink_to(tmp_path / "in" / "self")
    make(tmp_path / "other", "c.wav")
    (tmp_path / "in" / "other").symlink_to(tmp_path / "other")
    (tmp_path / "other" / "back").symlink_to(tmp_path / "in" / "deep")
    assert places(tmp_path / "in") == ["a.wav", "deep/b.wav", "other/c.wav"]


def test_a_folder_that_cannot_be_read_is_named(tmp_path, capsys, monkeypatch):
    make(tmp_path, "a.wav", "locked/b.wav", "gone/c.wav")
    scandir = os.scandir
    faults = {"locked": PermissionError(13, "Permission denied"), "gone": FileNotFoundError(2, "No such file")}

    def open_folder(path):
        if fault := faults.get(os.path.basename(path)):
            fault.filename = path
            raise fault
        return scandir(path)

    monkeypatch.setattr(os, "scandir", open_folder)
    assert places(tmp_path) == ["a.wav"]
    error = f"timeaudio: {tmp_path}/locked was left out: Permission denied. Check its permissions.\n"
    assert capsys.readouterr().err == error


def test_a_pipe_in_a_folder_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    [found] = sources([str(tmp_path)])
    [named] = sources([str(tmp_path / "pipe.wav")])
    with pytest.raises(OSError, match="it is a pipe; name it itself to read from it"):
        found.audio()
    assert found == named
    assert named.audio() == tmp_path / "pipe.wav"
