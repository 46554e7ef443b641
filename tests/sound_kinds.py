"""Every container and codec that the server reads and FFmpeg can write, small enough to encode during a test."""

from typing import NamedTuple

from tests.sound_files import encode
from tests.timed_files import Samples

WITH_CLOCK = {
    "flac": "flac",
    "wv": "wavpack",
    "ogg": "vorbis libopus flac",
    "webm": "vorbis libopus",
    "matroska": "aac flac libopus vorbis libmp3lame mp2 ac3 eac3 alac wavpack pcm_u8 pcm_s16le pcm_s24le pcm_f32le",
    "mp4": "aac alac flac libopus libmp3lame mp2 ac3 eac3 vorbis",
    "ipod": "aac alac ac3",
    "3gp": "aac libopencore_amrnb",
    "mov": "aac alac libmp3lame mp2 ac3 eac3 adpcm_ima_qt",
    "asf": "wmav1 wmav2 libmp3lame aac ac3 pcm_s16le adpcm_ms",
    "flv": "aac libmp3lame nellymoser adpcm_swf pcm_alaw pcm_mulaw",
    "mpegts": "aac mp2 libmp3lame ac3 eac3 libopus",
    "vob": "mp2 libmp3lame ac3 pcm_dvd",
}
"""FFmpeg's container -> its encoders, where a packet carries its time."""

WITHOUT_CLOCK = {
    "wav": "pcm_u8 pcm_s16le pcm_s24le pcm_s32le pcm_f32le pcm_f64le pcm_alaw pcm_mulaw adpcm_ima_wav adpcm_ms",
    "w64": "pcm_s16le pcm_s24le pcm_f32le",
    "aiff": "pcm_s8 pcm_s16le pcm_s16be pcm_s24be pcm_s32be pcm_f32be pcm_f64be pcm_alaw",
    "caf": "pcm_s16le pcm_s16be pcm_f32le alac flac adpcm_ima_qt libopencore_amrnb",
    "au": "pcm_s8 pcm_s16be pcm_s24be pcm_f32be pcm_alaw pcm_mulaw",
    "mp3": "libmp3lame",
    "mp2": "mp2",
    "adts": "aac",
    "ac3": "ac3",
    "eac3": "eac3",
    "amr": "libopencore_amrnb",
    "tta": "tta",
    "avi": "pcm_u8 pcm_s16le pcm_f32le libmp3lame mp2 ac3 aac adpcm_ms adpcm_ima_wav",
    "mov": "pcm_s16le pcm_s16be pcm_s24be pcm_f32le pcm_mulaw",
    "matroska": "tta",
}
"""The same, where times follow from counting."""

RATES = {
    **dict.fromkeys(("libopencore_amrnb", "pcm_alaw", "pcm_mulaw", "pcm_u8"), 8_000),
    **dict.fromkeys(("adpcm_ms", "adpcm_ima_wav"), 22_050),
    **dict.fromkeys(("nellymoser", "adpcm_swf", "vorbis", "wmav1", "wmav2"), 44_100),
}
"""Encoder -> samples per second, where it is not 48,000."""


class Kind(NamedTuple):
    """A container with a codec."""

    container: str
    codec: str
    has_clock: bool

    @property
    def rate(self) -> int:
        return RATES.get(self.codec, 48_000)

    def encode(self, samples: Samples) -> bytes:
        """Encode [1, samples] at `rate`, as stereo for encoders that take nothing else."""
        is_stereo = self.codec in ("vorbis", "wmav1", "wmav2")
        return encode(samples.repeat(2, 0) if is_stereo else samples, self.rate, self.container, self.codec)


KINDS = tuple(
    Kind(container, codec, has_clock)
    for has_clock, table in ((True, WITH_CLOCK), (False, WITHOUT_CLOCK))
    for container, codecs in table.items()
    for codec in codecs.split()
)
