"""Installs the middleware that the operator's access settings ask for."""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from server.auth.middleware import KeyMiddleware, SecurityHeaders
from server.auth.rate_limiter import RateLimiter
from server.settings import Access


def install(app: FastAPI, settings: Access, gate: RateLimiter | None) -> None:
    """Add the key gate (if there is one), CORS outside it (if there are origins), and the security headers."""
    if gate is not None:
        app.add_middleware(KeyMiddleware, gate=gate)
    if settings.cors_origins:
        # Outside the gate: browsers send preflight requests without a key.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["*"],  # OpenAI's client sends many of its own, and a browser sends nothing if one is refused
            expose_headers=["X-Request-ID", "Retry-After", "traceparent"],
        )
    app.add_middleware(SecurityHeaders)
