"""The API key that goes with every question to a server that wants one, over any transport.

It comes from the caller, or from TIMEAUDIO_API_KEY. No message holds it, and no option of a command takes it: what is
typed as an option can be read by others in the list of processes.
"""

import os
from typing import Final

VARIABLE: Final = "TIMEAUDIO_API_KEY"


def authorization(api_key: str | None = None) -> dict[str, str]:
    """The header, or metadata, that tells the key: `{"authorization": "Bearer KEY"}`; empty where there is none.

    `None` asks the environment; an empty key is none, whatever the environment says.

    Raises:
        ValueError: no header can hold it.
    """
    key = (os.environ.get(VARIABLE, "") if api_key is None else api_key).strip()
    if not key:
        return {}
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError(f"The API key holds characters that no key has. Look at {VARIABLE}, or at `api_key`.")
    return {"authorization": f"Bearer {key}"}
