"""The steps of one request in the worker as trace spans, created after the fact from the session's updates."""

import time
from collections.abc import Mapping
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.context import Context

from model.engine.updates import Answered, Encoded, Started, Update
from server.telemetry.tracing import WallClock, attributes

_tracer = trace.get_tracer("timeaudio")


class Spans:
    """Creates the spans queue, encode and, per answer, prefill, decode and parse, as children of the front end's span.

    Between encode and prefill an answer waits for a slot.

    Args:
        metadata: of the front end's call; without a traceparent in it, no spans are created.
    """

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        self._parent: Context | None = propagate.extract(dict(metadata)) if "traceparent" in metadata else None
        self._moments = WallClock()
        self._began_s = time.monotonic()

    def note(self, update: Update) -> None:
        """Create the spans that end with this update."""
        if self._parent is None:
            return
        match update:
            case Started():
                started_s = self._began_s + update.queue_s
                self._span("queue", self._began_s, started_s)
                self._began_s = started_s
            case Encoded(at_s=float(at_s)):
                self._span("encode", self._began_s, at_s, audio_tokens=update.num_audio_tokens)
            case Answered(times=times) if times is not None:
                answer, query = update.answer, update.index
                prompt, written = answer.num_prompt_tokens, answer.num_completion_tokens
                self._span("prefill", times.entered_s, times.prompted_s, query=query, prompt_tokens=prompt)
                self._span("decode", times.prompted_s, times.ended_s, query=query, completion_tokens=written)
                self._span("parse", times.ended_s, times.parsed_s, query=query, events=len(answer.events))

    def _span(self, name: str, began_s: float, ended_s: float, **values: int) -> None:
        span = _tracer.start_span(
            name, self._parent, attributes=attributes(values), start_time=self._moments.ns(began_s)
        )
        span.end(self._moments.ns(ended_s))
