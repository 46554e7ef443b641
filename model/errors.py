"""The exceptions that this project raises on purpose.

TimeAudioError
├── AudioError
│   ├── UnsupportedAudio    the bytes are not an audio file of a supported kind
│   ├── NoSuchTrack         the file does not have the chosen audio track
│   ├── CorruptAudio        decoding failed part-way
│   ├── EmptyAudio          no samples, or too few to analyse
│   └── AudioTooLong        longer than the limit
├── PromptError
│   ├── EmptyPrompt
│   ├── PromptTooLong
│   └── ContextTooLong      audio tokens and text together do not fit in a slot
├── CheckpointError
│   ├── MissingWeights
│   ├── UnexpectedWeights
│   └── WeightsDoNotFit     the files of an import do not belong together
├── OutOfMemory             the device does not have enough free memory
└── TaskNotSupported        the checkpoint was not trained for the task

Messages say what to do next. Numbers are also attributes, so that callers need not parse the message.
A malformed marker in generated text is not an error: the grammar prevents it and the parser tolerates it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal


class TimeAudioError(Exception):
    """Base class of this project's exceptions. Pickling keeps the message and the fields."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(kind: type[TimeAudioError], args: tuple[Any, ...], fields: dict[str, Any]) -> TimeAudioError:
    """Unpickle an error. Pickle's own `kind(*args)` does not match the constructors of errors that have fields."""
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(fields)
    return error


class AudioError(TimeAudioError):
    """The recording cannot be used as it is."""


class UnsupportedAudio(AudioError):
    """The bytes are not an audio file of a supported kind."""


class NoSuchTrack(AudioError):
    """The file has no audio track `track` (from 0); it has `num_tracks`."""

    def __init__(self, *, track: int, num_tracks: int) -> None:
        self.track = track
        self.num_tracks = num_tracks
        tracks, choice = ("track", "0") if num_tracks == 1 else ("tracks", f"0 to {num_tracks - 1}")
        super().__init__(
            f"The file has {num_tracks} audio {tracks}, so track {track} does not exist. "
            f"Send {choice}, or leave track out."
        )


class CorruptAudio(AudioError):
    """The file type was recognised, but the file could not be decoded to its end."""


class EmptyAudio(AudioError):
    """The file holds no samples, or too few to analyse."""


class AudioTooLong(AudioError):
    """The recording is longer than the limit. `limit_s` and `duration_s` (None if unknown) are in seconds."""

    def __init__(self, *, limit_s: float, duration_s: float | None = None, setting: str | None = None) -> None:
        self.limit_s = limit_s
        self.duration_s = duration_s
        length = f"this recording is {duration_s:.1f} s" if duration_s is not None else "this recording is longer"
        where = f" (limit: {setting})" if setting else ""
        super().__init__(f"Send at most {limit_s:g} s; {length}{where}.")


class PromptError(TimeAudioError):
    """The text sent with the recording cannot be used as it is."""


class EmptyPrompt(PromptError):
    """A query or question contains no words."""


class PromptTooLong(PromptError):
    """A query or question is longer than the limit. `limit` and `length` count characters."""

    def __init__(self, *, limit: int, length: int) -> None:
        self.limit = limit
        self.length = length
        super().__init__(f"Send at most {limit} characters of text; this has {length}.")


class ContextTooLong(PromptError):
    """The recording's tokens and the text do not fit into one slot. `limit` and `length` count tokens."""

    def __init__(self, *, limit: int, length: int) -> None:
        self.limit = limit
        self.length = length
        super().__init__(
            f"The recording and its text take {length} tokens; fewer than {limit} fit "
            "(limit: TIMEAUDIO_WORKER__SLOT_TOKENS). Send a shorter recording or less text."
        )


class OutOfMemory(TimeAudioError):
    """The model's device did not have enough free memory. Other requests are not affected."""


class CheckpointError(TimeAudioError):
    """A checkpoint directory cannot be loaded."""


class MissingWeights(CheckpointError):
    """Tensors that the architecture needs are not in the files. `keys` names them."""

    def __init__(self, keys: Iterable[str], *, where: str) -> None:
        self.keys = tuple(keys)
        super().__init__(f"{where} lacks {len(self.keys)} tensors, starting with {', '.join(self.keys[:5])}.")


class UnexpectedWeights(CheckpointError):
    """The files hold tensors that the architecture does not use. `keys` names them."""

    def __init__(self, keys: Iterable[str], *, where: str) -> None:
        self.keys = tuple(keys)
        super().__init__(f"{where} has {len(self.keys)} unexpected tensors, starting with {', '.join(self.keys[:5])}.")


@dataclass(frozen=True, slots=True)
class WeightFault:
    """A fault of one tensor in a file, or of the same tensor in several layers (`layers.{0..31}`)."""

    kind: Literal["missing", "unexpected", "wrong shape"]
    file: str
    name: str
    detail: str = ""


class WeightsDoNotFit(CheckpointError):
    """The files to import do not fit together into one checkpoint. `faults` names every tensor."""

    def __init__(self, faults: Iterable[WeightFault], *, fix: str) -> None:
        self.faults = tuple(faults)
        first = self.faults[0]
        more = f" ({len(self.faults)} faults in all)" if len(self.faults) > 1 else ""
        super().__init__(f"{first.file}: {first.name} is {first.kind}: {first.detail}{more}. {fix}")


class TaskNotSupported(TimeAudioError):
    """The loaded checkpoint was not trained for the requested task."""
