"""The log of every process of the server: lines for people, or an object of JSON per line for machines.

What a line is about goes in `extra=about(...)`: fields of the object, which the sentence holds for people. Neither
audio nor what was heard or asked is handed to the log.
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
    """Fields of one line, for `extra`: request_id, trace_id, method, route, status, took_s, ..."""
    return {_ABOUT: fields}


def set_up(form: LogFormat) -> None:
    """Log to standard error from now on; as JSON, warnings and what ends the process too."""
    logging.basicConfig(level=logging.INFO, format=_TEXT)
    if form == "json":
        logging.getLogger().handlers[0].setFormatter(JsonLines())
        logging.captureWarnings(True)
        sys.excepthook = lambda kind, error, trace: logging.getLogger("server").critical(
            "The process ends.", exc_info=(kind, error, trace)
        )


class JsonLines(logging.Formatter):
    """One object per line: time (UTC), level, logger, message, the fields it is about, and an exception's traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
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
