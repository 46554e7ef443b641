"""Write messages and files' contents to the terminal, safely and without loading answers."""

import json
from collections.abc import Mapping

import typer


def printable(words: str) -> str:
    """Put untrusted text on one line, without the control characters that could control the terminal."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())


def complain(message: str) -> None:
    """Print a message on stderr, as one line."""
    typer.echo(f"timeaudio: {printable(message)}", err=True)


def print_text(text: str) -> None:
    """Print a file's content, always in UTF-8, since stdout is usually redirected to a file."""
    typer.echo(text.encode(), nl=not text.endswith("\n"))


def json_text(fields: Mapping[str, object], *, ascii_only: bool, indent: int | None = None) -> str:
    """Format JSON for stdout, in ASCII if the terminal has no other letters.

    The name of a file that is not UTF-8 needs ASCII too: only escapes keep its bytes.
    """
    text = json.dumps(fields, ensure_ascii=ascii_only, indent=indent)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(fields, indent=indent)
    return text
