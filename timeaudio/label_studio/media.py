"""Where a task's recording is, and the token that opens it. The token is sent to Label Studio only."""

from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator
from typing import Final

import httpx

from timeaudio.agent_tools.download import AddressRefused, is_allowed

_CLOUD: Final = ("s3://", "gs://", "azure-blob://")


def address_of(value: object, task_id: int | str | None, label_studio: httpx.URL) -> str:
    """Return the address of a recording from the field of a task.

    Uploads and local files are paths of Label Studio. For files of a cloud storage, Label Studio has an address that
    redirects to them.

    Raises:
        AddressRefused: the field has no address.
    """
    if not isinstance(value, str) or not value:
        raise AddressRefused("the field of the recording has no address. Check the data of the task.")
    base = str(label_studio).rstrip("/")
    if value.startswith(_CLOUD):
        return f"{base}/tasks/{task_id}/presign/?fileuri={urlsafe_b64encode(value.encode()).decode()}"
    if value.startswith(("http://", "https://")):
        return value
    path = f"data/{value.lstrip('/')}" if value.lstrip("/").startswith("upload/") else value.lstrip("/")
    return f"{base}/{path}"


class LabelStudioAuth(httpx.Auth):
    """Adds the token of a Label Studio user to requests for that Label Studio.

    A legacy token is sent as it is. A personal access token has three parts; it is exchanged for a short-lived one.
    """

    def __init__(self, label_studio: httpx.URL, token: str) -> None:
        """`label_studio` is the address below which the token is sent."""
        self._base = label_studio
        self._token = token.strip()
        self._access = ""

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """See httpx.Auth."""
        if not self._token or not is_allowed(request.url, [self._base]):
            yield request
            return
        if self._token.count(".") != 2:
            request.headers["Authorization"] = f"Token {self._token}"
            yield request
            return
        if self._access:
            request.headers["Authorization"] = f"Bearer {self._access}"
            response = yield request
            if response.status_code != 401:  # the token has not expired; it lasts minutes
                return
        refreshed = yield httpx.Request(
            "POST", f"{str(self._base).rstrip('/')}/api/token/refresh/", json={"refresh": self._token}
        )
        await refreshed.aread()
        try:
            self._access = str(refreshed.json()["access"])
        except (ValueError, KeyError, TypeError):
            raise AddressRefused(
                f"Label Studio refused the token ({refreshed.status_code}). Check LABEL_STUDIO_API_KEY."
            ) from None
        request.headers["Authorization"] = f"Bearer {self._access}"
        yield request
