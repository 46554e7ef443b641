"""The id that a request is found by, in answers and in the log: the caller's own, where it is a plain word."""

import re
import uuid

_PLAIN = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def request_id(given: object) -> str:
    """What the caller sent as X-Request-ID or `x-request-id`, or a new one in the place of anything else."""
    return given if isinstance(given, str) and _PLAIN.fullmatch(given) else uuid.uuid4().hex
