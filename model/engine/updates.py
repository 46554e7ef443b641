"""Updates about a request, from a session through the server to its transports. Plain values: no library needed."""

from dataclasses import dataclass

from model.timeline.event import Event
from model.timeline.interval import Interval
from model.timeline.markers import to_plain


class DeviceLost(Exception):
    """The model's device has failed, and only a new process can use it again."""


@dataclass(frozen=True, slots=True)
class ParsedAnswer:
    """The answer to one question about a recording.

    Attributes:
        events: in the order of the answer. Captions are empty in grounding. Equal dense captions form one event.
        written: the whole answer as the model wrote it, with times as markers.
        num_prompt_tokens: number of prompt tokens, including audio tokens.
        generate_s: its share of the model's time; the answers of a batch share its time equally.
        num_interventions: tokens at which the grammar masked more than half of the model's probability.
        is_cut: whether it reached its token limit.
        separate: the events as the model wrote them, before equal captions are joined. Workers do not send them.
    """

    events: tuple[Event, ...]
    written: str
    num_prompt_tokens: int
    num_completion_tokens: int
    generate_s: float = 0.0
    num_interventions: int = 0
    is_cut: bool = False
    separate: tuple[Event, ...] = ()

    @property
    def text(self) -> str:
        """The whole answer in human-readable form, with times in digits."""
        return to_plain(self.written)

    @property
    def present(self) -> bool:
        """Whether the answer has any event. A grounding answer without one means that the query is absent."""
        return bool(self.events)

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """The intervals of all events, in the order of the answer."""
        return tuple(interval for event in self.events for interval in event.intervals)


@dataclass(frozen=True, slots=True)
class Started:
    """The encoders have processed the first part of the recording, which waited for `queue_s` seconds before that."""

    queue_s: float


@dataclass(frozen=True, slots=True)
class Encoded:
    """The recording is encoded. Units: seconds of the model's time; the items of a batch share its time equally."""

    encode_s: float
    num_audio_tokens: int
    at_s: float | None = None
    """When it was encoded, on the monotonic clock, if known."""


@dataclass(frozen=True, slots=True)
class Found:
    """One event of the answer to query number `index` is complete, possibly long before the whole answer."""

    index: int
    event: Event


@dataclass(frozen=True, slots=True)
class Times:
    """Timestamps of an answer, in seconds on the monotonic clock."""

    entered_s: float
    """It got a slot, and its prefill started."""
    prompted_s: float
    """Its prefill ended, and its first token was chosen."""
    ended_s: float
    """Its last token was chosen."""
    parsed_s: float
    """Its tokens were parsed into events, with confidence if there is any."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The complete answer to query number `index`, or the only answer."""

    index: int
    answer: ParsedAnswer
    times: Times | None = None
    """Workers do not send them."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The request failed. Any error other than a TimeAudioError is a defect."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Done:
    """All queries are answered."""


Update = Started | Encoded | Found | Answered | Failed | Done
