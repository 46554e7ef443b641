"""Open the bytes of an audio or video file with FFmpeg (through PyAV), without access to any other file.

FFmpeg reads far more than sound: playlists, lists of other files, images, network protocols. An uploaded `ffconcat`
text would make it open local files. So containers and codecs are restricted *before* FFmpeg sees the bytes, it gets
bytes instead of a file name, and every protocol, including `file`, is disabled.
"""

from io import BytesIO
from typing import NoReturn

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition

from model.audio.signature import has_known_signature, name_of_riff
from model.errors import CorruptAudio, EmptyAudio, NoSuchTrack, UnsupportedAudio

CONTAINERS = (
    *("wav", "w64", "aiff", "caf", "au", "flac", "ogg", "mp3", "aac", "ac3", "eac3", "amr", "wv", "tta"),
    *("mov", "matroska", "asf", "avi", "flv", "mpegts", "mpeg"),
)
"""FFmpeg's names; `mov` is also mp4, m4a and 3gp, `matroska` also webm, `mp3` also mp1 and mp2, `asf` also wma. None
reads a playlist or another file."""

CODECS = (
    *("pcm_s8", "pcm_u8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be"),
    *("pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be", "pcm_alaw", "pcm_mulaw"),
    *("pcm_bluray", "pcm_dvd", "adpcm_ima_wav", "adpcm_ima_qt", "adpcm_ms", "adpcm_swf", "gsm", "gsm_ms", "nellymoser"),
    *("flac", "alac", "wavpack", "tta", "vorbis", "opus", "libopus", "speex", "libspeex"),
    *("mp1", "mp2", "mp3", "mp1float", "mp2float", "mp3float", "aac", "aac_latm", "ac3", "eac3"),
    *("amrnb", "amrwb", "libopencore_amrnb", "libopencore_amrwb"),
    *("wmav1", "wmav2", "wmapro", "wmalossless", "wmavoice"),
)
"""FFmpeg's names of decoders. None is for video, so video frames are never decoded, not even to probe the file."""

PREFERRED = {"amrnb": "libopencore_amrnb", "amrwb": "libopencore_amrwb"}
"""Decoders to use instead of FFmpeg's own, which stop at a pause: AMR writes comfort noise there (DTX)."""

MAX_CHANNELS = 8
LOWEST_RATE = 4_000
HIGHEST_RATE = 192_000

_KINDS = (
    "Send wav, flac, ogg, opus, mp3, m4a, mp4, webm, mkv, aac, aiff or caf; amr, wma, avi, flv, ts, mpg, ac3, mp2, "
    "wv, tta, spx, au and w64 are also read."
)


def open_container(data: bytes) -> InputContainer:
    """Open the file; the caller closes it.

    Raises:
        EmptyAudio: there are no bytes.
        UnsupportedAudio: the bytes are not an audio or video file of a supported kind.
        CorruptAudio: the bytes begin like such a file, but cannot be opened.
    """
    if not data:
        raise EmptyAudio("The file is empty. Send a recording.")
    options = {
        "format_whitelist": ",".join(CONTAINERS),
        "codec_whitelist": ",".join(CODECS),
        "protocol_whitelist": "none",
    }
    try:
        return av.open(BytesIO(data), mode="r", options=options, metadata_errors="replace", io_open=_refuse)
    except Exception as error:  # FFmpeg's errors, and Python's from its callbacks
        if riff := name_of_riff(data):
            raise UnsupportedAudio(f"The file is {riff}, which cannot be read as sound. {_KINDS}") from error
        if has_known_signature(data):
            raise CorruptAudio("The file is damaged or cut short at its beginning. Send an undamaged copy.") from error
        raise UnsupportedAudio(f"The file is not an audio file of a supported kind. {_KINDS}") from error


def choose_track(container: InputContainer, number: int | None = None) -> AudioStream:
    """Return an audio track: the one with this number, from 0, or by default the one that a player plays.

    A player plays the default track. If that track cannot be read, the first readable one takes its place.

    Raises:
        UnsupportedAudio: the file has no audio track, or the numbered track has a codec, rate or channels that are not
            supported. Without a number: no track is supported; the message is about the one that a player would play.
        NoSuchTrack: the file has audio tracks, but not that one.
    """
    tracks = container.streams.audio
    if not tracks:
        raise UnsupportedAudio(f"The file has no audio track: it is {_describe(container)}. {_KINDS}")
    if number is not None:
        return _numbered(tracks, number)
    reasons: list[UnsupportedAudio] = []
    for track in sorted(tracks, key=lambda track: not track.disposition & Disposition.default):  # stable
        try:
            _check_track(track)
        except UnsupportedAudio as error:
            reasons.append(error)
        else:
            return track
    raise reasons[0]


def _numbered(tracks: tuple[AudioStream, ...], number: int) -> AudioStream:
    """Return a track by its number. Raises: as `choose_track`."""
    if not 0 <= number < len(tracks):
        raise NoSuchTrack(track=number, num_tracks=len(tracks))
    try:
        _check_track(tracks[number])
    except UnsupportedAudio as error:
        raise UnsupportedAudio(
            f"The file has {len(tracks)} audio tracks; track {number}, counted from 0, cannot be read. {error}"
        ) from error
    return tracks[number]


def open_decoder(track: AudioStream) -> AudioCodecContext:
    """Return the decoder of a track that `choose_track` returned."""
    preferred = PREFERRED.get(track.codec_context.name)
    if preferred is None or preferred not in av.codecs_available:
        return track.codec_context
    decoder = AudioCodecContext.create(preferred, "r")
    return decoder if isinstance(decoder, AudioCodecContext) else track.codec_context


def _check_track(track: AudioStream) -> None:
    codec: AudioCodecContext | None = track.codec_context  # None if FFmpeg has no decoder, contrary to the stubs
    if codec is None or codec.name not in CODECS:
        raise UnsupportedAudio(f"The file's audio codec is not supported. {_KINDS}")
    check_limits(codec.sample_rate, codec.channels)


def _describe(container: InputContainer) -> str:
    """Return what the file is, in words: `an AVI file with video`."""
    name = container.format.name.split(",")[0]
    word = {"mov": "an mp4 or mov", "matroska": "an mkv or webm", "avi": "an AVI", "asf": "an asf", "flv": "an flv"}
    return f"{word.get(name, f'a {name}')} file {'with video alone' if container.streams.video else 'without tracks'}"


def check_limits(rate: int, num_channels: int) -> None:
    """Check the sample rate, in Hz, and the number of channels.

    Raises:
        UnsupportedAudio: either is outside the limits.
    """
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise UnsupportedAudio(f"Send {LOWEST_RATE} to {HIGHEST_RATE} samples per second; this recording has {rate}.")
    if not 1 <= num_channels <= MAX_CHANNELS:
        raise UnsupportedAudio(f"Send 1 to {MAX_CHANNELS} channels; this recording has {num_channels}.")


def _refuse(name: str, flags: int, options: dict[str, str]) -> NoReturn:
    raise PermissionError("A recording may not refer to other files.")
