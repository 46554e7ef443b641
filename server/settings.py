"""The operator's settings, read from the environment: `TIMEAUDIO_LIMITS__AUDIO_SECONDS=60`.

The checkpoint defines the architecture, and the caller defines the options of a request; neither is here.
"""

import json
import os
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from server.auth.keys import read_callers
from server.telemetry.logs import LogFormat


def _holds_keys(path: Path) -> Path:
    read_callers(path)
    return path


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Limits(_Group):
    """Limits of one request, and of all requests together."""

    upload_bytes: int = Field(256 * 1024 * 1024, gt=0)
    """Largest request body. 256 MiB hold 23 minutes of 16-bit stereo WAV at 48 kHz, or hours of compressed audio."""
    json_bytes: int = Field(32 * 1024 * 1024, gt=0)
    """Largest JSON body. It is held in memory, including the recording: 32 MiB of base64 hold a file of 24 MiB."""
    upload_timeout_s: float = Field(300.0, gt=0)
    """Seconds within which a request body must arrive: a slow sender holds a place in the queue."""
    audio_seconds: float = Field(7200.0, gt=0)
    """Longest part of a recording to analyse. Anything longer than one model pass takes several, see `passes`."""
    live_seconds: float = Field(7200.0, gt=0)
    """Longest live audio of one call. The server holds one window at a time and analyses each as its own request."""
    live_idle_s: float = Field(30.0, gt=0)
    """Seconds for which the caller of a stream may be silent (before its configuration, and between two tenths of a
    second of live audio), or read nothing of any stream. The stream holds a place meanwhile."""
    queries: int = Field(32, gt=0)
    """Maximum number of `query` fields in one grounding request."""
    query_chars: int = Field(500, gt=0)
    """Maximum length of a query, in characters."""
    num_beams: int = Field(8, gt=0)
    """Largest number of beams that a caller may request."""
    max_new_tokens: int = Field(1500, gt=0)
    """Longest answer that a caller may request, in tokens. The default is what a pass of 150 s gets anyway."""
    timeout_s: float = Field(300.0, gt=0)
    """Seconds that a request may take after its upload, unless it sets `timeout_s`."""
    timeout_per_audio_s: float = Field(1.0, ge=0)
    """Additional seconds per second of its audio."""
    queued_requests: int = Field(32, gt=0)
    """Requests in the server at once: uploading, decoding, waiting and running. Further ones get 429."""
    queued_audio_seconds: float = Field(10800.0, gt=0)
    """Seconds of decoded audio in the server at once (64 kB each, in temporary files). A single request always fits,
    however long."""

    @property
    def longest_timeout_s(self) -> float:
        """The longest timeout that a request may set: the default timeout of the longest recording."""
        return self.timeout_s + self.timeout_per_audio_s * self.audio_seconds


class Passes(_Group):
    """How a long recording is cut for the model. The passes run in parallel, and their answers are merged."""

    seconds: float = Field(15.0, ge=10.0, le=150.0)
    """Longest pass for dense captions and queries. The embedded checkpoint was trained mostly on recordings of up to
    15 s and finds more in passes of that length. 30 suits a checkpoint trained on segments of 30 s; beyond 30 s the
    model reads merged tokens. 150, with an overlap of 15, matches the paper."""
    overlap_s: float = Field(4.0, ge=0.1, le=75.0)
    """Seconds that neighbouring passes share, so that one of them contains an event at a seam whole; at most half a
    pass."""
    whole_s: float = Field(150.0, ge=10.0, le=150.0)
    """Longest pass for summaries and questions, which need the context of what came before. A longer talk is summarized
    in passes that share a tenth of this; a question about a longer recording is refused."""


class Decode(_Group):
    """The processes that turn audio files into samples."""

    workers: int = Field(2, gt=0)
    """How many files are decoded at once, each in its own process."""
    timeout_s: float = Field(120.0, gt=0)
    """Seconds after which a process that is still decoding one file is killed."""
    memory_bytes: int = Field(2 * 1024**3, gt=0)
    """Address space that decoding one file may use, beyond what the libraries use themselves."""
    max_tasks: int = Field(200, ge=0)
    """Files after which a process is replaced by a fresh one; 0: never."""


class Worker(_Group):
    """The processes that own the model."""

    threads: int = Field(0, ge=0)
    """Compute threads of each worker; 0: one per core, shared by the workers."""
    quantize: Literal["int8", "int4"] | None = None
    """Precision of the language model's weights; unset: that of the checkpoint. Needs the `quantize` extra."""
    slots: int = Field(0, ge=0)
    """Answers decoded at once, whatever their number of beams; others wait. 0: 32 on a CPU, up to 128 on a GPU, as its
    memory allows."""
    slot_tokens: int = Field(1024, ge=64)
    """Tokens that a slot holds: those of a prompt, its answer and recently dropped beams. A longer answer is cut. With
    `slots` it sets how much memory is allocated at the start: half a MiB per token for a model of 7 billion parameters,
    8 KiB for the embedded one."""
    startup_timeout_s: float = Field(300.0, gt=0)
    """Seconds within which the checkpoint must load; otherwise the process is killed and restarted."""
    max_restarts: int = Field(5, ge=0)
    """Consecutive deaths of every worker, with no work done between, after which the server gives up and exits."""
    heartbeat_s: float = Field(1.0, gt=0)
    """Seconds between two heartbeats to each worker. One that misses two of them, or has taken no step for half of
    `stuck_s`, gets no new requests and counts as not ready."""
    silent_s: float = Field(10.0, gt=0)
    """Seconds without a heartbeat reply after which a worker is killed and replaced, at most three heartbeats later."""
    stuck_s: float = Field(60.0, gt=0)
    """Seconds without a step, despite pending work, after which a worker is killed and replaced. Raise it for a large
    model on a CPU, where one step may take longer than the default."""
    backoff_s: float = Field(0.5, ge=0)
    """Seconds before the first restart; doubled at each further consecutive death, up to 30."""
    pipeline: str = "model.pipeline"
    """Module that holds `Pipeline` and `Decoding`. Tests substitute a scripted one."""


class Access(_Group):
    """Who may call the API."""

    keys_file: Annotated[Path, AfterValidator(_holds_keys)] | None = None
    """File of API keys, see server/auth/keys.py; reloaded when it changes. Unset: no key is required."""
    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call from a browser, as JSON: `["https://app.example"]`. Default: none."""


class Settings(BaseSettings):
    """All settings. Created once at startup and passed down."""

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
    """`json`: each log line is an object, with `request_id` and `trace_id` if it concerns a request."""
    ping_s: float = Field(10.0, gt=0)
    """Seconds of silence in a stream after which a comment is sent: proxies cut idle connections."""
    drain_s: float = Field(30.0, ge=0)
    """Seconds that running requests get to finish after SIGTERM."""
    drain_delay_s: float = Field(0.0, ge=0)
    """Seconds between SIGTERM and closing the port. Meanwhile /readyz answers 503 but requests are still accepted: a
    load balancer sends some until its next check."""


def misread(error: ValidationError | SettingsError) -> list[str]:
    """Return one line for each setting that `Settings()` rejected."""
    if isinstance(error, SettingsError):  # its message does not name the variable
        groups = {name for name, field in Settings.model_fields.items() if isinstance(field.default, _Group)}
        names = {f"TIMEAUDIO_{name.upper()}" for name in (*groups, "access__cors_origins")}
        texts = {name: text for name, text in os.environ.items() if name.upper() in names}
        return [f"{name}: must be JSON, not {text!r}" for name, text in texts.items() if not _is_json(text)]
    return [
        f"TIMEAUDIO_{'__'.join(str(part) for part in item['loc']).upper()}: {item['msg']}, not {item['input']!r}"
        for item in error.errors()
    ]


def misspelt() -> list[str]:
    """Return one line for each ignored variable whose name resembles that of a setting.

    `Settings()` rejects unknown names in a group. It cannot reject others: Kubernetes sets TIMEAUDIO_SERVICE_HOST and
    the like for a service of that name.
    """
    prefix = "TIMEAUDIO_"
    known = [prefix + name for name in _names()]
    given = [name.upper() for name in os.environ if name.upper().startswith(prefix)]
    close = {name: get_close_matches(name, known, n=1, cutoff=0.9) for name in given if name not in known}
    return [
        f"{name} is not a setting and has no effect; did you mean {match[0]}?" for name, match in close.items() if match
    ]


def _names() -> list[str]:
    """Return the names of all settings and groups, without the prefix."""
    names = []
    for name, setting in Settings.model_fields.items():
        names.append(name.upper())
        if isinstance(setting.default, _Group):
            names += [f"{name}__{nested}".upper() for nested in type(setting.default).model_fields]
    return names


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
