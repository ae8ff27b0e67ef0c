"""A service's HTTP, put together: its own routes, those that every service has, and the edge."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from litestar import Litestar, Request, Response, Router, get, route
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig

from shared.eventlog.log import EventLog
from shared.hosting.answers import problem_answer
from shared.hosting.bodies import BODY_BYTES_MAX
from shared.hosting.documented import OPT, Documented
from shared.hosting.edge import OPEN_PREFIXES, Edge
from shared.hosting.failures import KNOWN_FAILURES, problem_of, problem_of_litestar
from shared.hosting.health import Readiness, health_routes
from shared.hosting.ids import new_id
from shared.hosting.incoming import incoming_of
from shared.hosting.metrics import CONTENT_TYPE, Metrics
from shared.hosting.openapi import DESCRIPTION, Document, no_page
from shared.hosting.parameters import parameter_hints
from shared.hosting.problem_routes import problem_routes
from shared.hosting.problems import Kind, problem
from shared.hosting.tokens import TokenVerifier

_logger: structlog.stdlib.BoundLogger = structlog.get_logger("http")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What a service's HTTP is made of.

    ``routes`` are the service's own, those of ``log_routes`` among them. ``asyncapi`` gives the
    AsyncAPI document as JSON, if there is one. Paths below ``open_prefixes`` need no token.
    """

    title: str
    version: str
    log: EventLog
    verifier: TokenVerifier
    readiness: Readiness
    metrics: Metrics
    routes: Sequence[HTTPRouteHandler]
    asyncapi: Callable[[], bytes] | None = None
    open_prefixes: Iterable[str] = OPEN_PREFIXES


def build_app(site: Site) -> Edge:
    """The ASGI application. It has no lifespan of its own: ``serving`` starts and stops parts."""
    routes = [
        *site.routes,
        *health_routes(site.readiness),
        *problem_routes(),
        _metrics_route(site.metrics),
    ]
    if site.asyncapi is not None:
        routes.append(_asyncapi_route(site.asyncapi))
    litestar = Litestar(
        [_options_route(routes), *routes],
        openapi_config=OpenAPIConfig(
            title=site.title,
            version=site.version,
            description=DESCRIPTION,
            render_plugins=[Document()],
            openapi_router=Router(
                "/schema", route_handlers=[], after_request=no_page, include_in_schema=False
            ),
        ),
        exception_handlers={Exception: _answer_error},
        request_max_body_size=BODY_BYTES_MAX,
        logging_config=None,
        debug=False,
    )
    return Edge(
        litestar,
        verify=site.verifier.verify,
        position=lambda: site.log.head.position,
        new_id=new_id,
        metrics=site.metrics.http,
        open_prefixes=site.open_prefixes,
    )


def _answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Every exception as a problem; one that we did not foresee is logged, and tells nothing."""
    incoming = incoming_of(request)
    if isinstance(error, KNOWN_FAILURES):
        found = problem_of(error)
    elif isinstance(error, HTTPException):
        found = problem_of_litestar(error, parameter_hints(request))
    else:
        found = problem(Kind.INTERNAL, "it is in the service's log, under this instance")
    if found.kind is Kind.INTERNAL:
        _logger.error("request failed", request=str(incoming.request_id), exc_info=error)
    response = problem_answer(found, incoming.request_id).response()
    brought = getattr(error, "headers", None) or {}
    response.headers.update(brought)
    return response


def _options_route(routes: Iterable[HTTPRouteHandler]) -> HTTPRouteHandler:
    """``OPTIONS`` of all paths. Litestar's own forgets methods that have handlers of their own."""
    methods: dict[str, set[str]] = {}
    for each in routes:
        for path in each.paths:
            methods.setdefault(path, {"OPTIONS"}).update(map(str, each.http_methods))
    allowed = {_template(path): ", ".join(sorted(names)) for path, names in methods.items()}

    @route(list(methods), http_method="OPTIONS", status_code=204, include_in_schema=False)
    async def options(request: Request[Any, Any, Any]) -> Response[None]:
        allow = allowed[request.scope["path_template"]]
        return Response(None, headers={"Allow": allow})

    return options


def _template(path: str) -> str:
    """``/things/{key:str}`` → ``/things/{key}``, as Litestar names the route of a request."""
    return re.sub(r":\w+}", "}", path)


def _metrics_route(metrics: Metrics) -> HTTPRouteHandler:
    @get("/metrics", include_in_schema=False)
    async def scrape() -> Response[bytes]:
        return Response(metrics.render(), media_type=CONTENT_TYPE)

    return scrape


def _asyncapi_route(document: Callable[[], bytes]) -> HTTPRouteHandler:
    @get(
        "/asyncapi",
        operation_id="asyncapi",
        summary="What goes over the bus, as an AsyncAPI document",
        opt={OPT: Documented(problems=(401,))},
    )
    async def asyncapi() -> Response[dict[str, Any]]:
        exact: Any = document()
        return Response(exact, media_type="application/json")

    return asyncapi
