"""The output of a batch: complete rows, one per recording, even if writing is interrupted."""

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from timeaudio.batch.journal import Journal, JournalError, rows
from timeaudio.batch.task_spec import TaskSpec


def row(path: str, status: str = "ok") -> dict[str, str]:
    return {"path": path, "status": status}


def test_a_reopened_journal_has_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "new" / "rows.jsonl"
    with Journal(path) as journal:
        journal.write(row("a.wav"))
        journal.write(row("ü\n.wav"))
    with Journal(path) as journal:
        assert journal.done == {"a.wav", "ü\n.wav"}
        with pytest.raises(JournalError, match="already has a row"):
            journal.write(row("a.wav"))
    assert [found["path"] for found in rows(path)] == ["a.wav", "ü\n.wav"]


@pytest.mark.parametrize("torn", ['{"path": "b', '{"path": "b.wav", "status": "ok"}', '{"path": "' + "x" * 200_000])
def test_an_incomplete_last_line_is_removed(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row("a.wav")) + "\n" + torn)
    with Journal(path) as journal:
        assert journal.done == {"a.wav"}
        journal.write(row("b.wav"))
    assert [found["path"] for found in rows(path)] == ["a.wav", "b.wav"]


def test_a_file_with_only_an_incomplete_line_becomes_empty(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"pa')
    with Journal(path) as journal:
        assert journal.done == set()
    assert path.read_text() == ""


def test_two_runs_cannot_write_to_one_file(tmp_path: Path) -> None:
    with Journal(tmp_path / "rows.jsonl"), pytest.raises(JournalError, match="Another run"):
        Journal(tmp_path / "rows.jsonl")
    with Journal(tmp_path / "rows.jsonl"):
        pass


def test_failed_rows_can_be_removed(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with Journal(path) as journal:
        journal.write(row("a.wav"))
        journal.write(row("b.wav", "failed"))
    with Journal(path, again=True) as journal:
        assert journal.done == {"a.wav"}
        with pytest.raises(JournalError, match="Another run"):
            Journal(path)
        journal.write(row("b.wav"))
    assert [found["status"] for found in rows(path)] == ["ok", "ok"]


def test_a_link_to_a_journal_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "rows.jsonl"
    link.symlink_to(tmp_path / "disk" / "rows.jsonl")
    with Journal(link) as journal:
        journal.write(row("a.wav", "failed"))
    with Journal(link, again=True) as journal:
        journal.write(row("a.wav"))
    assert link.is_symlink()
    assert [found["status"] for found in rows(tmp_path / "disk" / "rows.jsonl")] == ["ok"]


@pytest.mark.parametrize(
    "content",
    [
        *(b"\\documentclass{article}\nlast line", b"one line", b"fLaC\0\xff\n\x80"),
        *(b'{"path": "a.wav"}\n{"path": "b.wav"}', b'{"path": "a.wav"}'),  # manifests
    ],
)
def test_another_file_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "thesis.tex"
    path.write_bytes(content)
    with pytest.raises(JournalError, match="was not written by"):
        Journal(path)
    assert path.read_bytes() == content


def test_a_damaged_row_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(json.dumps(row("a.wav")).encode() + b'\n{"path": "\xff\n')
    with pytest.raises(JournalError, match="line 2"):
        Journal(path)


ANSWERS: dict[TaskSpec, dict[str, Any]] = {
    TaskSpec("caption"): {"events": []},
    TaskSpec("summarize"): {"segments": []},
    TaskSpec("ground", (" dog", "rain")): {"results": [{"query": "dog"}, {"query": "rain"}]},
    TaskSpec("ground", ("rain", "dog")): {"results": [{"query": "rain"}, {"query": "dog"}]},
    TaskSpec("ask", ("How often?",)): {"question": "How often?"},
    TaskSpec("ask", ("How long?",)): {"question": "How long?"},
}


@pytest.mark.parametrize("task", ANSWERS)
def test_only_the_answers_of_the_same_task_and_words_are_continued(tmp_path: Path, task: TaskSpec) -> None:
    path = tmp_path / "rows.jsonl"
    with Journal(path) as journal:
        journal.write(row("a.wav", "failed"))
        journal.write({**row("b.wav"), "answer": ANSWERS[task]})
        journal.check_task(lambda _: False)  # the answers of this run are its own
    for other in ANSWERS:
        with Journal(path) as journal:
            if other == task:
                journal.check_task(other.is_of)
            else:
                with pytest.raises(JournalError, match="another task, or to other queries"):
                    journal.check_task(other.is_of)


def test_a_full_disk_leaves_complete_rows(tmp_path: Path) -> None:
    """The kernel's file size limit simulates a full disk."""
    path = tmp_path / "rows.jsonl"
    program = f"""
import pathlib
from timeaudio.batch.journal import Journal
with Journal(pathlib.Path({str(path)!r})) as journal:
    for number in range(100):
        journal.write({{"path": f"{{number}}.wav", "status": "ok", "more": 300 * "x"}})
"""
    limit = 10_000
    done = subprocess.run(
        [sys.executable, "-c", program],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "File too large" in done.stderr
    found = [found["path"] for found in rows(path)]
    assert found == [f"{number}.wav" for number in range(len(found))]
    assert 20 < len(found) < 40
    assert path.read_bytes().endswith(b"\n")
