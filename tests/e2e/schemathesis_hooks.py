"""What schemathesis cannot know from the API's description alone: real recordings, and the name of the loaded model."""

import base64
import io
import math
import struct
import wave
from typing import Any

import schemathesis
from hypothesis import strategies as st


def recording(tenths: int) -> bytes:
    """A sine as a WAV file, so many tenths of a second long."""
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
    """Lets what the description allows come through: else most answers would be 404 or 422, and show little."""
    body = case.body
    if not case.meta.generation.mode.is_positive or not isinstance(body, dict):
        return
    if case.path == "/v1/chat/completions":
        heard = {"data": base64.b64encode(recording(5)).decode(), "format": "wav"}
        parts = [{"type": "text", "text": "Describe it."}, {"type": "input_audio", "input_audio": heard}]
        body |= {"model": "scripted", "messages": [{"role": "user", "content": parts}]}
    else:
        case.query = {}  # a field stands in one place alone
