"""The recordings that the clients accept: a path, bytes, or a binary file object."""

import io
import os
import stat
from pathlib import Path, PurePath
from typing import Any, BinaryIO, cast

from timeaudio.formats import DEFAULT_NAME

Audio = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO

_ACCEPTED = "Give a path, the bytes of an audio file, or a file opened with mode 'rb'"


class AudioSource:
    """A recording that can be sent repeatedly.

    A path is read from disk each time; a pipe, which can be read only once, and anything else are held in memory.

    Raises:
        TypeError: the object is not a recording; the message says what to give instead.
        OSError: a pipe cannot be read.
    """

    def __init__(self, audio: Audio) -> None:
        self.name = _name(audio)
        self._audio = audio if isinstance(audio, str | os.PathLike) else _content(audio)
        if isinstance(self._audio, str | os.PathLike) and Path(self._audio).is_fifo():
            self._audio = Path(self._audio).read_bytes()

    def opened(self) -> BinaryIO:
        """Open the recording at its start.

        Raises:
            OSError: the file cannot be read.
        """
        if isinstance(self._audio, bytes):
            return io.BytesIO(self._audio)
        file = Path(self._audio).open("rb")  # noqa: SIM115  the caller closes it
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):  # a device has no length
            return file
        return cast(BinaryIO, io.BufferedReader(_AsOpened(file, about.st_size)))


class _AsOpened(io.RawIOBase):
    """A file of the length that it had when it was opened, for a recorder may still write to it.

    HTTP announces the length before the content, and cannot send another.
    """

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self._length = length

    def readable(self) -> bool:
        """See io.RawIOBase."""
        return True

    def seekable(self) -> bool:
        """See io.RawIOBase."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """See io.RawIOBase."""
        is_from_end = whence == os.SEEK_END
        return self._file.seek(self._length + offset if is_from_end else offset, os.SEEK_SET if is_from_end else whence)

    def readinto(self, buffer: Any) -> int:
        """See io.RawIOBase. Raises: OSError, if the file became shorter."""
        wanted = min(len(buffer), self._length - self._file.tell())
        content = self._file.read(wanted)
        if wanted and not content:
            raise OSError("it became shorter while it was read; try again when nothing writes to it")
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        """See io.RawIOBase."""
        self._file.close()
        super().close()


def to_bytes(sound: object, if_array: str) -> bytes:
    """Return the content of a bytes-like object.

    Raises:
        TypeError: it is something else; `if_array` says what to do with an array of numbers.
    """
    if isinstance(sound, bytes):
        return sound
    if isinstance(sound, bytearray | memoryview):
        return bytes(sound)
    if any(hasattr(sound, name) for name in ("__array_interface__", "__array__")):  # NumPy's, and torch's
        raise TypeError(f"An array ({_kind(sound)}) does not say its sample rate. {if_array}")
    raise TypeError(f"{_kind(sound)} is not bytes.")


def _content(audio: object) -> bytes:
    """Return the bytes of a recording that is not a path."""
    read = getattr(audio, "read", None)
    if read is None:
        try:
            return to_bytes(audio, "Write it as wav (soundfile.write, scipy.io.wavfile.write) and give that file.")
        except TypeError as error:
            raise TypeError(f"{error} {_ACCEPTED}.") from None
    if isinstance(audio, io.TextIOBase):
        raise TypeError("The file is open in text mode, which changes its bytes. Open it with mode 'rb'.")
    try:
        content = read()
    except UnicodeDecodeError:
        content = ""  # in text mode, behind a wrapper such as that of tempfile
    if isinstance(content, str):
        raise TypeError("The file is open in text mode, which changes its bytes. Open it with mode 'rb'.")
    if not isinstance(content, bytes | bytearray | memoryview):
        if hasattr(content, "close"):
            content.close()  # a coroutine that nobody will await
        raise TypeError(f"read() of {_kind(audio)} returns {_kind(content)}, not bytes. {_ACCEPTED}.")
    return bytes(content)


def _kind(value: object) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _name(audio: object) -> str:
    """Return the name of the recording's file, or a default."""
    if isinstance(audio, str | os.PathLike):
        return PurePath(audio).name
    name = getattr(audio, "name", None)
    return PurePath(name).name if isinstance(name, str) else DEFAULT_NAME
