"""What a caller is told about an exception: which error of the tree it is, and when to send the request again."""

import errno

from model.errors import TimeAudioError
from server.errors import InternalError, OutOfSpace, RetryableError, problem_of

_TEMPORARY = (429, 503)
_LATER_S = 10.0
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def reported(error: Exception) -> TimeAudioError:
    """Return the error to report for an exception; for one that is not in the tree, with its cause for the log."""
    if isinstance(error, TimeAudioError):
        return error
    found: TimeAudioError = InternalError(repr(error))
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        found = OutOfSpace(
            "The server's disk for uploads is full. Send the recording again later.", retry_after_s=_LATER_S
        )
    found.__cause__ = error
    return found


def retry_after_s(error: TimeAudioError) -> float | None:
    """Return the seconds after which the same request may succeed; None if it cannot."""
    if problem_of(error).http not in _TEMPORARY:
        return None
    return error.retry_after_s if isinstance(error, RetryableError) else _LATER_S
