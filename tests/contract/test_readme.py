"""Every command that the documentation shows exists, with the options that it shows."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest
import typer

from timeaudio.cli import app, main

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("**/*.md"))]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
SEPARATORS = {"&&", "||", "|", ";", "&"}
PASSED_THROUGH = {"ablate", "compare", "evaluate", "train"}
REDIRECTIONS = {">", ">>", "<", "2>"}
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)


def commands(markdown: str) -> list[list[str]]:
    """Return the commands in the ```sh blocks, without comments, leading assignments and redirections."""
    found = []
    for block in BLOCK.findall(markdown):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.shlex(line, posix=True, punctuation_chars=True)
            words.whitespace_split = True
            current: list[str] = []
            for word in [*words, ";"]:
                if word not in SEPARATORS:
                    current.append(word)
                    continue
                found.append(_bare(current))
                current = []
    return [command for command in found if command]


def _bare(words: list[str]) -> list[str]:
    while words and ASSIGNMENT.fullmatch(words[0]):
        words = words[1:]
    for index, word in enumerate(words):
        if word in REDIRECTIONS:
            return words[:index]
    return words


def problem(command: list[str]) -> str | None:
    """Return what is wrong with a `timeaudio` or `make` command, or None. Other programs are not checked."""
    program = Path(command[0]).name
    if program == "make":
        return make_problem(command[1:])
    if program == "timeaudio":
        return timeaudio_problem(command[1:])
    return None


def make_problem(words: list[str]) -> str | None:
    targets = set(re.findall(r"^([a-z0-9]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    unknown = [word for word in words if not ASSIGNMENT.fullmatch(word) and word not in targets]
    return f"no such target: {unknown}" if unknown else None


def timeaudio_problem(words: list[str]) -> str | None:
    """Parse the words like the command line, without running anything."""
    group = typer.main.get_command(app)
    try:
        context = group.make_context("timeaudio", list(words))
        remaining = [*context._protected_args, *context.args]
        if not remaining:
            return None if context.params["show_version"] else "no command"
        name, command, rest = group.resolve_command(context, remaining)
        command.make_context(name, list(rest), parent=context)
        if name in PASSED_THROUGH:
            return passed_problem(name, rest)
    except typer.Exit:  # --help and --version
        return None
    except typer.TyperException as error:
        return error.format_message()
    return None


def passed_problem(name: str, words: list[str]) -> str | None:
    """Check the options of a command that parses its words itself against its help."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), pytest.raises(SystemExit, match="0"):
        main([name, "--help"])
    known = set(re.findall(r"--[a-z-]+", output.getvalue()))
    unknown = {word.partition("=")[0] for word in words if word.startswith("--")} - known
    return f"no such option: {sorted(unknown)}" if unknown else None


def test_every_documented_command_exists():
    broken = [
        (document.name, shlex.join(command), wrong)
        for document in DOCUMENTS
        for command in commands(document.read_text(encoding="utf-8"))
        if (wrong := problem(command))
    ]
    assert broken == []


def test_the_readme_shows_make_demo_and_make_test():
    shown = commands((ROOT / "README.md").read_text(encoding="utf-8"))
    assert ["make", "demo"] in shown
    assert ["make", "test"] in shown


def test_commands_are_found_only_in_sh_blocks():
    text = """
make nothing
```sh
# a comment
A=1 make demo && timeaudio caption a.wav \\
    --json > out.json   # why
curl -F file=@a.wav http://localhost | head
```
```python
make("nothing")
```
"""
    assert commands(text) == [
        ["make", "demo"],
        ["timeaudio", "caption", "a.wav", "--json"],
        ["curl", "-F", "file=@a.wav", "http://localhost"],
        ["head"],
    ]


def test_broken_commands_are_found():
    for line in [
        "make coffee",
        "timeaudio brew",
        "timeaudio caption a.wav --jsonl",
        "timeaudio",
        "timeaudio caption",
        "timeaudio serve --port many",
        "timeaudio --verbose",
        "timeaudio train --date my.jsonl --from folder",
        "timeaudio evaluate --jason scores.json",
    ]:
        assert problem(shlex.split(line))
