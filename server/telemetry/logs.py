"""The log of every server process: text lines for people, or one JSON object per line for machines.

Structured fields go in `extra=about(...)`; the text form holds the same values in the message. Audio, answers and
queries are never logged.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final, Literal

LogFormat = Literal["text", "json"]

_TEXT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_ABOUT: Final = "about"


def about(**fields: str | int | float) -> dict[str, Any]:
    """Return the fields of one log record, for `extra`: request_id, trace_id, method, route, status, took_s, ..."""
    return {_ABOUT: fields}


def set_up(form: LogFormat) -> None:
    """Start logging to standard error; in JSON form, include warnings and uncaught exceptions."""
    logging.basicConfig(level=logging.INFO, format=_TEXT)
    for client in ("httpx", "httpx2"):  # they log every request to the hub, with addresses that may hold a signature
        logging.getLogger(client).setLevel(logging.WARNING)
    if form == "json":
        logging.getLogger().handlers[0].setFormatter(JsonLines())
        logging.captureWarnings(True)
        sys.excepthook = lambda kind, error, trace: logging.getLogger("server").critical(
            "Uncaught exception; the process exits.", exc_info=(kind, error, trace)
        )


class JsonLines(logging.Formatter):
    """One object per line: time (UTC), level, logger, process, message, the `about` fields and any traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the JSON line of a record."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
            **getattr(record, _ABOUT, {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
