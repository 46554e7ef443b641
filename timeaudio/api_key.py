"""The API key that the client sends with every request, over either transport.

The key comes from the caller or from TIMEAUDIO_API_KEY. No message contains it, and no command-line option takes it:
other users can read options in the process list.
"""

import os
from typing import Final

VARIABLE: Final = "TIMEAUDIO_API_KEY"


def authorization(api_key: str | None = None) -> dict[str, str]:
    """Return the header (or metadata) with the key: `{"authorization": "Bearer KEY"}`, or `{}` without a key.

    `None` reads the environment. An empty string means no key, whatever the environment says.

    Raises:
        ValueError: the key contains characters that a header cannot carry.
    """
    key = (os.environ.get(VARIABLE, "") if api_key is None else api_key).strip()
    if not key:
        return {}
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError(f"The API key contains invalid characters. Check {VARIABLE} or `api_key`.")
    return {"authorization": f"Bearer {key}"}
