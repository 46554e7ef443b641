"""Valid inputs to damage: small audio files, request bodies and gRPC messages."""

import base64
import contextlib
import json
from functools import cache

import av

from tests.conftest import sine, wav_bytes
from tests.sound_kinds import KINDS
from tests.timed_files import retime
from timeaudio.v1 import timeaudio_pb2 as pb

SECONDS = 0.3

BOUNDARY = b"----boundary"


@cache
def files() -> list[bytes]:
    """Return an audio file of every kind, also without some packets, and with a clock that jumps."""
    found = []
    for kind in KINDS:
        sound = kind.encode(sine(SECONDS, rate=kind.rate)[None])
        found.append(sound)
        for new_time in (_missing, _jumping) if kind.has_clock else ():
            with contextlib.suppress(av.FFmpegError):  # some containers cannot hold such times
                found.append(retime(sound, kind.container, new_time))
    return found


def _missing(seconds: float) -> float | None:
    return None if 0.1 <= seconds < 0.2 else seconds


def _jumping(seconds: float) -> float:
    return seconds if seconds < 0.15 else seconds + 5


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
