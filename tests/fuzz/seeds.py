"""Valid inputs to damage: small audio files, request bodies and gRPC messages."""

import base64
import json

from tests.conftest import sine, wav_bytes
from tests.sound_files import encode
from timeaudio.v1 import timeaudio_pb2 as pb

SECONDS = 0.3
FILES = {
    "wav": ("wav", "pcm_s16le", 16_000),
    "wav-float": ("wav", "pcm_f32le", 44_100),
    "wav-adpcm": ("wav", "adpcm_ima_wav", 22_050),
    "w64": ("w64", "pcm_s24le", 16_000),
    "aiff": ("aiff", "pcm_s16be", 16_000),
    "caf": ("caf", "pcm_s16be", 16_000),
    "au": ("au", "pcm_mulaw", 8_000),
    "flac": ("flac", "flac", 44_100),
    "ogg-flac": ("ogg", "flac", 16_000),
    "ogg-opus": ("ogg", "libopus", 48_000),
    "mp3": ("mp3", "libmp3lame", 44_100),
    "aac": ("adts", "aac", 44_100),
    "m4a": ("ipod", "aac", 44_100),
    "m4a-alac": ("ipod", "alac", 44_100),
    "mov": ("mov", "pcm_s16le", 44_100),
    "webm": ("webm", "libopus", 48_000),
    "mkv-ac3": ("matroska", "ac3", 48_000),
}
"""Name -> container, encoder, samples per second."""

BOUNDARY = b"----boundary"


def files() -> list[bytes]:
    """Return an audio file of every supported kind."""
    return [encode(sine(SECONDS, rate=rate)[None], rate, container, codec) for container, codec, rate in FILES.values()]


def bodies() -> list[tuple[str, str, bytes]]:
    """Return path, media type and body of valid requests."""
    sound = wav_bytes(sine(SECONDS))
    fields = {"query": "rain", "start": "0.0", "end": "0.2", "num_beams": "2", "response_format": "json"}
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    parts += [
        b'Content-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n' + sound
    ]
    form = b"".join(b"--" + BOUNDARY + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + BOUNDARY + b"--\r\n"
    text = base64.b64encode(sound).decode()
    chat = {
        "model": "scripted",
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "When does it rain?"},
                    {"type": "input_audio", "input_audio": {"data": text, "format": "wav"}},
                ],
            }
        ],
    }
    media = f"multipart/form-data; boundary={BOUNDARY.decode()}"
    return [
        ("/v1/ground", media, form),
        ("/v1/ground", "application/json", json.dumps({"file": text, "query": ["rain"], "start": 0.1}).encode()),
        ("/v1/chat/completions", "application/json", json.dumps(chat).encode()),
    ]


def _dense_caption(sound: bytes) -> bytes:
    return pb.DenseCaptionRequest(file=sound, options=pb.Options(num_beams=2)).SerializeToString()


def _ground(sound: bytes) -> bytes:
    return pb.GroundRequest(file=sound, queries=["rain"], options=pb.Options(num_beams=2)).SerializeToString()


SERVICE = "/timeaudio.v1.TimeAudioService"
MESSAGES = ((f"{SERVICE}/DenseCaption", _dense_caption), (f"{SERVICE}/Ground", _ground))
"""Method, and the function that makes its request from an audio file."""
