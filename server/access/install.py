"""What the operator's settings of access make of the application."""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from server.access.gate import Gate
from server.access.middleware import CarefulHeaders, KeyGate
from server.settings import Access


def install(app: FastAPI, settings: Access, gate: Gate | None) -> None:
    """Put the gate before all routes, if there is one, and CORS before it, if there are origins."""
    if gate is not None:
        app.add_middleware(KeyGate, gate=gate)
    if settings.cors_origins:
        # Outside the gate: a browser asks without a key whether it may ask with one.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-Request-ID", "traceparent"],
            expose_headers=["X-Request-ID", "Retry-After", "traceparent"],
        )
    app.add_middleware(CarefulHeaders)
