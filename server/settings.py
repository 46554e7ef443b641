"""What the operator decides, from the environment: `TIMEAUDIO_LIMITS__AUDIO_SECONDS=60`.

The architecture belongs to the checkpoint and the options of one request to its caller; neither is here.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from server.access.keys import read_callers
from server.telemetry.logs import LogFormat


def _holds_keys(path: Path) -> Path:
    read_callers(path)
    return path


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Limits(_Group):
    """The most that one request, and all of them together, may ask for."""

    upload_bytes: int = Field(256 * 1024 * 1024, gt=0)
    """Largest request body. 256 MiB hold 23 minutes of 16-bit stereo WAV at 48 kHz, or hours of anything compressed."""
    json_bytes: int = Field(32 * 1024 * 1024, gt=0)
    """Largest JSON body. It is held in memory, the recording in it too: 32 MiB of base64 are 24 MiB of a file."""
    upload_timeout_s: float = Field(300.0, gt=0)
    """Seconds within which a request body must have arrived: a slow sender holds a place in the queue."""
    audio_seconds: float = Field(7200.0, gt=0)
    """Longest stretch that is analysed. What is longer than one pass of the model is heard in several, see `passes`."""
    live_seconds: float = Field(7200.0, gt=0)
    """Longest live sound of one call. A window of it is held at a time; each is heard like a request of its own."""
    queries: int = Field(32, gt=0)
    """Most `query` fields of one grounding request."""
    query_chars: int = Field(500, gt=0)
    """Longest query, in characters."""
    num_beams: int = Field(8, gt=0)
    """Widest beam that a caller may ask for."""
    max_new_tokens: int = Field(1500, gt=0)
    """Longest answer that a caller may ask for, in tokens: by default what a pass of 150 s gets unasked."""
    timeout_s: float = Field(300.0, gt=0)
    """Seconds that a request may take once it is uploaded, unless it says `timeout_s`."""
    timeout_per_audio_s: float = Field(1.0, ge=0)
    """Seconds more that it may take, per second of its audio."""
    queued_requests: int = Field(32, gt=0)
    """Requests inside the server at once: uploading, decoding, waiting and running. One more is answered 429."""
    queued_audio_seconds: float = Field(10800.0, gt=0)
    """Seconds of decoded audio inside the server at once (64 kB each, in temporary files). One request always fits,
    however long."""

    @property
    def longest_timeout_s(self) -> float:
        """The most seconds that a request may ask for: what the longest recording is given."""
        return self.timeout_s + self.timeout_per_audio_s * self.audio_seconds


class Passes(_Group):
    """How a long recording is cut for the model. Its pieces are heard side by side, and their answers put together."""

    seconds: float = Field(30.0, ge=10.0, le=150.0)
    """The longest pass for dense captions and queries. Beyond 30 s the model hears merged tokens, in which it finds
    queries far less often. 150, with an overlap of 15, hears as the paper does."""
    overlap_s: float = Field(4.0, ge=0.1, le=75.0)
    """Seconds that neighbouring ones of these share, so that what happens at a seam is heard whole by one of them; at
    most half a pass."""
    whole_s: float = Field(150.0, ge=10.0, le=150.0)
    """The longest pass for summaries and questions, which need to hear what came before. A longer talk is summarized in
    passes that share a tenth of this; a question about more is refused."""


class Decode(_Group):
    """The processes that turn audio files into samples."""

    workers: int = Field(2, gt=0)
    """How many files are decoded at once, each in a process of its own."""
    timeout_s: float = Field(120.0, gt=0)
    """Seconds after which a process that still decodes one file is killed."""
    memory_bytes: int = Field(2 * 1024**3, gt=0)
    """Address space that decoding one file may take, beyond what the libraries take themselves."""
    max_tasks: int = Field(200, ge=0)
    """Files after which a process is replaced by a fresh one; 0: never."""


class Worker(_Group):
    """The processes that own the model."""

    threads: int = Field(0, ge=0)
    """Threads that each of them computes with; 0: one per core, shared by the workers."""
    quantize: Literal["int8", "int4"] | None = None
    """Bits that the language model's weights are held in; unset: as the checkpoint says. Needs the `quantize` extra."""
    slots: int = Field(0, ge=0)
    """Answers that are written at once, whatever their number of beams; others wait. 0: 32 on a CPU, up to 128 on a
    GPU, as its memory allows."""
    slot_tokens: int = Field(1024, ge=64)
    """Tokens that a slot holds: those of a prompt, of its answer, and of the beams that were given up lately. A longer
    answer is cut. With `slots` it decides how much memory is taken at the start: half a MiB per token for a model of 7
    billion parameters, 8 KiB for the embedded one."""
    startup_timeout_s: float = Field(300.0, gt=0)
    """Seconds within which the checkpoint must be loaded, or the process is killed and started again."""
    max_restarts: int = Field(5, ge=0)
    """Deaths in a row of every worker, without any work done between, after which the server gives up and exits."""
    heartbeat_s: float = Field(1.0, gt=0)
    """Seconds between two questions to each worker how it is. One that leaves two of them unanswered, or has taken no
    step for half of `stuck_s`, gets no new requests and counts as not ready."""
    silent_s: float = Field(10.0, gt=0)
    """Seconds without an answer after which it is killed and replaced, at most three heartbeats later."""
    stuck_s: float = Field(60.0, gt=0)
    """Seconds without a step, though it has work, after which the same happens. A step of a large model on a CPU may
    take longer than the default: raise it there."""
    backoff_s: float = Field(0.5, ge=0)
    """Seconds before the first restart; doubled at each further death in a row, up to 30."""
    pipeline: str = "model.pipeline"
    """Module that holds `Pipeline` and `Decoding`. Tests put a scripted one in its place."""


class Access(_Group):
    """Who may call."""

    keys_file: Annotated[Path, AfterValidator(_holds_keys)] | None = None
    """File of API keys, see server/access/keys.py; read again when it changes. Unset: nobody is asked for a key."""
    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call from a browser, as JSON: `["https://app.example"]`. None of them by default."""


class Settings(BaseSettings):
    """All of it. Made once, at the start, and passed down."""

    model_config = SettingsConfigDict(
        env_prefix="TIMEAUDIO_",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
    )

    limits: Limits = Limits()
    passes: Passes = Passes()
    decode: Decode = Decode()
    worker: Worker = Worker()
    access: Access = Access()
    log_format: LogFormat = "text"
    """`json`: each line of the log is an object, with `request_id` and `trace_id` where it is about a request."""
    ping_s: float = Field(10.0, gt=0)
    """Seconds of silence in a stream after which a comment is sent: proxies cut connections on which nothing moves."""
    drain_s: float = Field(30.0, ge=0)
    """Seconds that requests may take to finish after SIGTERM, before they are cut off."""
    drain_delay_s: float = Field(0.0, ge=0)
    """Seconds between SIGTERM and the closing of the port, during which /readyz already answers 503 and requests are
    still taken: a load balancer sends some until it has looked again."""


def misread(error: ValidationError) -> list[str]:
    """A line for each setting that `Settings()` refused."""
    return [
        f"TIMEAUDIO_{'__'.join(str(part) for part in item['loc']).upper()}: {item['msg']}, not {item['input']!r}"
        for item in error.errors()
    ]
