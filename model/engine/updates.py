"""What a session tells about a request while it works on it. Plain values, without any library."""

from dataclasses import dataclass

from model.engine.search import Completion
from model.timeline.event import Event
from model.timeline.interval import Interval
from model.timeline.markers import to_plain


class DeviceLost(Exception):
    """The device that the model computes on is in a state that only a new process can leave."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said about a recording.

    Attributes:
        events: by order of the answer; captions are empty in grounding. Dense captions in the same words are one event.
        written: the whole answer as the model wrote it, its times as markers.
        num_prompt_tokens: audio tokens included.
        completion: the answer's ids, with their log-probabilities; None where nothing was decoded.
        told: the events one by one, as they were written.
    """

    events: tuple[Event, ...]
    written: str
    num_prompt_tokens: int
    num_completion_tokens: int
    completion: Completion | None = None
    told: tuple[Event, ...] = ()

    @property
    def text(self) -> str:
        """The whole answer with times in digits, for people."""
        return to_plain(self.written)

    @property
    def present(self) -> bool:
        """Whether any interval was named; a grounding without one says that the query is absent."""
        return bool(self.events)

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """The intervals of all events, in the answer's order."""
        return tuple(interval for event in self.events for interval in event.intervals)


@dataclass(frozen=True, slots=True)
class Started:
    """The first part of the recording went through the encoders, which took it up at `at_s` of the monotonic clock."""

    at_s: float


@dataclass(frozen=True, slots=True)
class Encoded:
    """The recording is heard. Units: seconds of the model's time; a batch's are shared by what is in it."""

    encode_s: float
    num_audio_tokens: int
    at_s: float | None = None
    """On the monotonic clock, where it is known."""


@dataclass(frozen=True, slots=True)
class Found:
    """One event of the answer to query number `index` is complete, perhaps long before the answer is."""

    index: int
    event: Event


@dataclass(frozen=True, slots=True)
class Times:
    """The life of an answer, in seconds of the monotonic clock."""

    entered_s: float
    """It got a slot, and its prompt was begun."""
    prompted_s: float
    """Its prompt was computed, and its first token chosen."""
    ended_s: float
    """Its last token was there."""
    parsed_s: float
    """Its tokens were events, with confidence where there is any."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The whole answer to query number `index`. Units: seconds of the model's time, as in `Encoded`."""

    index: int
    answer: Answer
    generate_s: float
    times: Times | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """There will be no answer. Anything but a TimeAudioError is a defect."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Done:
    """All queries were answered."""


Update = Started | Encoded | Found | Answered | Failed | Done
