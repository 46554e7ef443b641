"""Decodes all recordings that a file holds: usually one, but joined wavs and chained Ogg hold several."""

from collections.abc import Iterator
from types import TracebackType

from model.audio.joined import split_recordings
from model.audio.track import AudioTrack, Block
from model.errors import AudioError, EmptyAudio


class Recordings:
    """The recordings of a file. The first one is open from the start. A context manager.

    Args:
        data: the whole file.
        max_decoded_bytes: most bytes to decode, over all recordings.
        track: the audio track of each, see `AudioTrack`.

    Raises:
        EmptyAudio, UnsupportedAudio, NoSuchTrack, CorruptAudio: as for `AudioTrack`, about the first recording.
    """

    def __init__(self, data: bytes, *, max_decoded_bytes: int, track: int | None = None) -> None:
        self._parts = split_recordings(data)
        self._bytes_left = max_decoded_bytes
        self._number = track
        self._track = AudioTrack(self._parts[0], max_decoded_bytes=max_decoded_bytes, track=track)
        self._warnings: list[str] = []

    def __enter__(self) -> "Recordings":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._track.__exit__(kind, error, trace)

    @property
    def declared_s(self) -> float | None:
        """Length in seconds according to the header; None if the file holds several recordings. Only a hint."""
        return self._track.declared_s if len(self._parts) == 1 else None

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks of each recording in turn.

        Raises:
            As `AudioTrack.blocks`. A later recording that cannot be opened is left out, with a warning.
        """
        yield from self._track.blocks()
        begins_s = self._track.seconds
        for part in self._parts[1:]:
            bytes_left = self._bytes_left - self._track.num_bytes
            try:
                following = AudioTrack(
                    part, max_decoded_bytes=max(0, bytes_left), track=self._number, begins_s=begins_s
                )
            except AudioError as error:
                if not isinstance(error, EmptyAudio):
                    self._warnings.append(f"The sound after {begins_s:.1f} s is left out: {error}")
                continue
            self._warnings += self._track.warnings()
            self._track.__exit__(None, None, None)
            self._track, self._bytes_left = following, bytes_left
            yield from following.blocks()
            begins_s += following.seconds

    def warnings(self) -> tuple[str, ...]:
        """Return a sentence for each thing that was left out or filled in so far, each sentence once."""
        return tuple(dict.fromkeys((*self._warnings, *self._track.warnings())))
