"""The id of a request in answers and logs: the caller's own if it is a plain token, otherwise a new one."""

import re
import uuid

_PLAIN = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def request_id(given: object) -> str:
    """Return the caller's X-Request-ID header or `x-request-id` metadata if it is valid, otherwise a new id."""
    return given if isinstance(given, str) and _PLAIN.fullmatch(given) else uuid.uuid4().hex
