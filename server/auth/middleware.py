"""The gate for the REST routes, and security headers. Plain ASGI, so streams pass unchanged."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.auth.rate_limiter import RateLimiter
from server.errors import RateLimited, Unauthorized
from server.rest.problems import problem_response

PROBES = frozenset({"/livez", "/readyz"})
"""Paths that an orchestrator polls without a key. They say whether the server is up, and nothing else."""

_CHALLENGES = ('Bearer realm="timeaudio"', 'Basic realm="timeaudio", charset="UTF-8"')
"""Each in a header of its own: Chromium reads only the first challenge of a header, and asks for a password if one is
Basic."""
_ELSEWHERE = frozenset({"cross-site", "same-site"})

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
_PAGE_POLICY = "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"


class KeyMiddleware:
    """Answers 401 and 429 before any of the body is read; everything else passes."""

    def __init__(self, app: ASGIApp, *, gate: RateLimiter) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] == "lifespan" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        authorization = headers.get("authorization")
        try:
            _refuse_borrowed(authorization, headers)
            entered = self._gate.enter(authorization)
            scope["caller"] = entered.__enter__()
        except (Unauthorized, RateLimited) as error:
            response = problem_response(Request(scope), error)
            if isinstance(error, Unauthorized):
                for challenge in _CHALLENGES:
                    response.headers.append("WWW-Authenticate", challenge)
            response.headers["Connection"] = "close"  # the body is not read, so nothing can follow it
            await response(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            entered.__exit__(None, None, None)


class SecurityHeaders:
    """Adds the security headers that a route did not set: no content sniffing, framing, embedding or caching."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        async def tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                is_page = headers.get("content-type", "").startswith("text/html")
                policy = _PAGE_POLICY if is_page else _DATA_POLICY
                for name, value in {**_ALWAYS, "Content-Security-Policy": policy}.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/v1/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, tagged if scope["type"] == "http" else send)


def _refuse_borrowed(authorization: str | None, headers: Headers) -> None:
    """Refuse a Basic password on cross-site requests: browsers attach a stored password to any site's requests.

    Raises:
        Unauthorized: another site's page sent the request with the browser's password.
    """
    is_basic = (authorization or "").lower().startswith("basic")
    if is_basic and headers.get("sec-fetch-site") in _ELSEWHERE:
        raise Unauthorized("A page of another site may not use this browser's password. Send Authorization: Bearer.")
