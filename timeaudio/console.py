"""Write messages and files' contents to the terminal, safely and without loading answers."""

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
