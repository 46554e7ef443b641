"""What can go wrong while hearing a recording, as a tree.

TimeAudioError
├── AudioError
│   ├── UnsupportedAudio    the bytes are no audio file that we read
│   ├── CorruptAudio        decoding failed part-way
│   ├── EmptyAudio          fewer samples than one window needs
│   └── AudioTooLong        more than the limit
├── PromptError
│   ├── EmptyPrompt
│   ├── PromptTooLong
│   └── ContextTooLong      audio tokens and words together are more than a slot holds
├── CheckpointError
│   ├── MissingWeights
│   ├── UnexpectedWeights
│   └── WeightsDoNotFit     the files of an import do not belong together
├── OutOfMemory             the device has no memory for it now
└── TaskNotSupported        the checkpoint was not trained for it

A message says what to do next. Numbers travel as fields, so that nobody parses the message.
A malformed marker in generated text is not an error: the grammar prevents it, the parser tolerates it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal


class TimeAudioError(Exception):
    """Anything that this project raises on purpose. It travels between processes with its message and its fields."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(kind: type[TimeAudioError], args: tuple[Any, ...], fields: dict[str, Any]) -> TimeAudioError:
    """Pickle would call `kind(*args)`, which errors with fields of their own do not take."""
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(fields)
    return error


class AudioError(TimeAudioError):
    """The recording cannot be used as it is."""


class UnsupportedAudio(AudioError):
    """The bytes are not an audio file of a kind that is read here."""


class CorruptAudio(AudioError):
    """The file was recognised, but could not be decoded to its end."""


class EmptyAudio(AudioError):
    """The file holds no samples, or too few to hear anything in."""


class AudioTooLong(AudioError):
    """The recording is longer than the limit. `limit_s` and, where it is known, `duration_s` are in seconds."""

    def __init__(self, *, limit_s: float, duration_s: float | None = None, setting: str | None = None) -> None:
        self.limit_s = limit_s
        self.duration_s = duration_s
        heard = f"this recording is {duration_s:.1f} s" if duration_s is not None else "this recording is longer"
        where = f" (limit: {setting})" if setting else ""
        super().__init__(f"Send at most {limit_s:g} s; {heard}{where}.")


class PromptError(TimeAudioError):
    """The words beside the recording cannot be used as they are."""


class EmptyPrompt(PromptError):
    """A query or question holds no words."""


class PromptTooLong(PromptError):
    """A query or question is longer than the limit. `limit` and `length` count characters."""

    def __init__(self, *, limit: int, length: int) -> None:
        self.limit = limit
        self.length = length
        super().__init__(f"Send at most {limit} characters of text; this has {length}.")


class ContextTooLong(PromptError):
    """The recording's tokens and the words about it do not fit together. `limit` and `length` count tokens."""

    def __init__(self, *, limit: int, length: int) -> None:
        self.limit = limit
        self.length = length
        super().__init__(
            f"The recording and the words about it are {length} tokens; fewer than {limit} fit "
            "(limit: TIMEAUDIO_WORKER__SLOT_TOKENS). Send a shorter recording, or fewer words."
        )


class OutOfMemory(TimeAudioError):
    """The device that the model computes on had too little memory free. Others are not affected."""


class CheckpointError(TimeAudioError):
    """A checkpoint directory cannot be loaded."""


class MissingWeights(CheckpointError):
    """Tensors that the architecture needs are not in the files. `keys` names them."""

    def __init__(self, keys: Iterable[str], *, where: str) -> None:
        self.keys = tuple(keys)
        super().__init__(f"{where} lacks {len(self.keys)} tensors, first {', '.join(self.keys[:5])}.")


class UnexpectedWeights(CheckpointError):
    """The files hold tensors that the architecture has no place for. `keys` names them."""

    def __init__(self, keys: Iterable[str], *, where: str) -> None:
        self.keys = tuple(keys)
        super().__init__(f"{where} holds {len(self.keys)} tensors with no place, first {', '.join(self.keys[:5])}.")


@dataclass(frozen=True, slots=True)
class WeightFault:
    """What is wrong with one tensor of a file, or with the same tensor of several layers (`layers.{0..31}`)."""

    kind: Literal["missing", "unexpected", "wrong shape"]
    file: str
    name: str
    detail: str = ""


class WeightsDoNotFit(CheckpointError):
    """Files that were to become one checkpoint do not fit each other. `faults` names every tensor."""

    def __init__(self, faults: Iterable[WeightFault], *, fix: str) -> None:
        self.faults = tuple(faults)
        first = self.faults[0]
        more = f" ({len(self.faults)} faults in all)" if len(self.faults) > 1 else ""
        super().__init__(f"{first.file}: {first.name} is {first.kind}: {first.detail}{more}. {fix}")


class TaskNotSupported(TimeAudioError):
    """The loaded checkpoint was not trained for the task that was asked for."""
