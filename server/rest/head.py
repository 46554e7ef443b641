"""Answer HEAD like GET, without a body: load balancers and monitors probe with HEAD."""

from fastapi import APIRouter
from fastapi.routing import APIRoute


def answer_head(router: APIRouter) -> None:
    """Add a HEAD route for each GET route. They are not documented: HTTP defines them. uvicorn leaves the body out."""
    for route in list(router.routes):
        if isinstance(route, APIRoute) and route.methods == {"GET"}:
            router.add_api_route(
                route.path.removeprefix(router.prefix),
                route.endpoint,
                methods=["HEAD"],
                response_class=route.response_class,
                include_in_schema=False,
            )
