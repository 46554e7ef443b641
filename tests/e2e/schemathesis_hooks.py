"""Hooks for what schemathesis cannot know from the OpenAPI description: real recordings and the model's name."""

import base64
import io
import math
import struct
import wave
from typing import Any

import schemathesis
from hypothesis import strategies as st


def recording(tenths: int) -> bytes:
    """Return a sine as a WAV file of this length."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        samples = (round(9000 * math.sin(index / 3)) for index in range(800 * tenths))
        writer.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return file.getvalue()


recordings = st.integers(5, 12).map(recording)
schemathesis.openapi.format("binary", recordings)
schemathesis.openapi.format("byte", recordings.map(lambda data: base64.b64encode(data).decode()))
schemathesis.openapi.media_type("audio/*", recordings)
schemathesis.openapi.media_type("application/octet-stream", recordings)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Make generated requests valid. Without this, most responses would be 404 or 422 and test little."""
    body = case.body
    if not case.meta.generation.mode.is_positive or not isinstance(body, dict):
        return
    if case.path == "/v1/chat/completions":
        audio = {"data": base64.b64encode(recording(5)).decode(), "format": "wav"}
        parts = [{"type": "text", "text": "Describe it."}, {"type": "input_audio", "input_audio": audio}]
        body |= {"model": "scripted", "messages": [{"role": "user", "content": parts}]}
    elif case.path == "/v1/audio/transcriptions":
        body["model"] = "scripted"
    else:
        case.query = {}  # a field may be in only one place
