"""The options of a request: their names and types, and one check of them for every transport."""

import operator
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, TypedDict

from timeaudio.formats import FormatName


class PartOptions(TypedDict, total=False):
    """What to analyse, and which intervals to keep; see `RequestOptions`."""

    start: float | None
    end: float | None
    track: int | None
    min_confidence: float | None


class RequestOptions(TypedDict, total=False):
    """Optional fields of a request. The server chooses the value of an option that is absent or None.

    `start` and `end` bound the part that is analysed and `timeout_s` the whole request, in seconds. `track` is the
    number of the file's audio track, from 0; by default the one that a player plays. The server omits intervals below
    `min_confidence`, 0 to 1; above 0 it needs a calibrated model. With `embeddings`, each interval has one.
    """

    start: float | None
    end: float | None
    track: int | None
    num_beams: int | None
    max_new_tokens: int | None
    min_confidence: float | None
    timeout_s: float | None
    embeddings: bool | None


class LiveOptions(TypedDict, total=False):
    """The format of live sound (by default 16 kHz, mono, 16 bits), and how to analyse it.

    `sample_rate` is samples per second and channel; `window_s` is the window length in seconds, 5 to 30 (10).
    """

    sample_rate: int | None
    channels: int | None
    encoding: Literal["s16le", "f32le"] | None
    window_s: float | None
    num_beams: int | None
    max_new_tokens: int | None
    min_confidence: float | None
    embeddings: bool | None


ENCODINGS: Final = ("s16le", "f32le")
_WHOLE: Final = frozenset({"track", "num_beams", "max_new_tokens", "sample_rate", "channels"})
_MOST: Final = 2**32 - 1
"""The largest whole number that every transport carries."""


def checked_options(given: Mapping[str, Any], known: type[RequestOptions] | type[LiveOptions]) -> dict[str, Any]:
    """Return the options that are not None, with plain numbers in place of NumPy's.

    Raises:
        TypeError: an option is unknown, not a number, or, for `embeddings`, not a boolean.
        ValueError: a number or the encoding cannot be sent.
    """
    names = known.__annotations__
    for name in given:
        if name not in names:
            raise TypeError(f"{name!r} is not an option of this request. The options are {', '.join(names)}.")
    return {name: _checked(name, value) for name, value in given.items() if value is not None}


def checked_words(words: object, name: str) -> str:
    """Return text to send. Raises: TypeError, if it is something else; ValueError, if it cannot be sent."""
    if not isinstance(words, str):
        raise TypeError(f"{name} must be text, not {type(words).__name__}.")
    try:
        words.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} is not valid Unicode text: {words!r}.") from None
    return str(words)


def checked_queries(queries: object) -> list[str]:
    """Return the queries to send: one, or several. Raises: TypeError, if one of them is not text."""
    if isinstance(queries, str):
        return [str(queries)]
    if isinstance(queries, bytes | bytearray) or not isinstance(queries, Iterable):
        raise TypeError(f"queries must be text or several texts, not {type(queries).__name__}.")
    return [checked_words(query, f"queries[{number}]") for number, query in enumerate(queries)]


def checked_format(name: FormatName | None) -> FormatName:
    """Return the format of an answer; None is the default."""
    return "json" if name is None else name


def _checked(name: str, value: Any) -> float | int | str:
    if name == "embeddings":
        return _truth(name, value)
    if name == "encoding":
        if value not in ENCODINGS:
            raise ValueError(f"{value!r} is not an encoding. Use one of {', '.join(ENCODINGS)}.")
        return str(value)
    return _whole(name, value) if name in _WHOLE else _number(name, value)


def _truth(name: str, value: Any) -> bool:
    if not _is_truth(value):
        raise TypeError(f"{name} must be True or False, not {type(value).__name__}.")
    return bool(value)


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", "") == "b"


def _number(name: str, value: Any) -> float:
    """Return a number as a float. Text and booleans are rejected, as in JSON."""
    if not _is_truth(value) and (hasattr(value, "__float__") or hasattr(value, "__index__")):
        try:
            return float(value)
        except OverflowError:
            raise ValueError(f"{name} is too large.") from None
        except (TypeError, ValueError):
            pass
    raise TypeError(f"{name} must be a number, not {type(value).__name__}.")


def _whole(name: str, value: Any) -> int:
    number = _number(name, value)
    if not number.is_integer():
        raise ValueError(f"{name} must be a whole number, not {value}.")
    exact = operator.index(value) if hasattr(value, "__index__") else int(number)
    if not 0 <= exact <= _MOST:
        raise ValueError(f"{name} must be 0 to {_MOST}, not {exact}.")
    return exact
