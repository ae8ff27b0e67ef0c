"""The outermost ring of a service's HTTP: what holds for every request, whatever its route.

It gives a request its id, lets nobody in without a token, refuses more than can be served, and puts
on every answer the headers that all answers carry. It wraps Litestar, whose own middleware does not
see requests that match no route.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import unquote_to_bytes
from uuid import UUID

import structlog
from litestar.types import ASGIApp, Message, Receive, Send

from shared.hosting.answers import problem_body
from shared.hosting.incoming import SCOPE_KEY, Incoming
from shared.hosting.metrics import HttpMetrics
from shared.hosting.principal import Principal
from shared.hosting.problems import (
    MEDIA_TYPE,
    Kind,
    Problem,
    ProblemRaised,
    answer_headers,
    problem,
    wrong_field,
)
from shared.hosting.tokens import TokenRefused

REQUESTS_MAX: Final = 1024
"""How many requests are served at once; those that would be more are told to come again."""
BODY_SECONDS_MAX: Final = 30.0
"""How long a body may take to come, so that nobody holds a place by sending nothing."""
OPEN_PATHS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
OPEN_PREFIXES: Final = ("/schema/",)

_HEADERS: Final = (
    (
        b"content-security-policy",
        b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
)
_HEADER_NAMES: Final = frozenset(name for name, _ in _HEADERS)
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_CONTROL: Final = frozenset(map(chr, [*range(0x20), 0x7F]))

_logger: structlog.stdlib.BoundLogger = structlog.get_logger("http")


class Edge:
    """An ASGI application around another one.

    Args:
        app: What serves the requests that get through.
        verify: Who holds a token; raises TokenRefused.
        position: The log's position, for answers that say no other.
        new_id: Makes request ids.
        metrics: Counts and times the requests.
        open_prefixes: Paths below these need no token, beside those that never do.
        requests_max: How many are served at once.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        verify: Callable[[str], Principal],
        position: Callable[[], int],
        new_id: Callable[[], UUID],
        metrics: HttpMetrics,
        open_prefixes: Iterable[str] = OPEN_PREFIXES,
        requests_max: int = REQUESTS_MAX,
    ) -> None:
        self._app = app
        self._verify = verify
        self._position = position
        self._new_id = new_id
        self._metrics = metrics
        self._open_prefixes = tuple(open_prefixes)
        self._requests_max = requests_max
        self._requests = 0

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", "nothing else is switched on"
        started = time.perf_counter()
        incoming = Incoming(self._new_id(), dict(scope["headers"]))
        scope[SCOPE_KEY] = incoming
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._complete(message, incoming)
            await send(message)

        self._requests += 1
        try:
            refusal = self._admit(scope, incoming)
            if refusal is None:
                has_body = scope["method"] in _WITH_BODY
                await self._app(scope, _in_time(receive) if has_body else receive, answer)
            else:
                await _refuse(refusal, incoming, answer)
        finally:
            self._requests -= 1
            seconds = time.perf_counter() - started
            route = scope.get("path_template") or "-"
            if not incoming.streams:  # of an answer that lasts, the duration says nothing
                self._metrics.served(scope["method"], route, status or 500, seconds)
            _logger.debug(
                "served",
                request=str(incoming.request_id),
                method=scope["method"],
                route=route,
                status=status,
                ms=round(seconds * 1000, 1),
            )

    def _admit(self, scope: Any, incoming: Incoming) -> Problem | None:
        """Why a request may not go further, or None."""
        path: str = scope["path"]
        if path in OPEN_PATHS:
            return None
        if self._requests > self._requests_max:
            return problem(Kind.BUSY, "too many requests at once")
        try:
            if not path.startswith(self._open_prefixes):
                scope["user"] = self._principal(incoming)
            _check_characters(path, scope["query_string"])
        except ProblemRaised as error:
            return error.problem
        return None

    def _principal(self, incoming: Incoming) -> Principal:
        scheme, _, token = (incoming.header("authorization") or "").partition(" ")
        if scheme.lower() != "bearer":
            raise ProblemRaised(problem(Kind.UNAUTHENTICATED, "send Authorization: Bearer <token>"))
        try:
            return self._verify(token.strip())
        except TokenRefused as error:
            raise ProblemRaised(problem(Kind.UNAUTHENTICATED, str(error))) from error

    def _complete(self, message: Any, incoming: Incoming) -> None:
        """Adds what every answer carries, unless it says otherwise itself."""
        headers: list[tuple[bytes, bytes]] = list(message["headers"])
        own = {name.lower() for name, _ in headers}
        if own.isdisjoint(_HEADER_NAMES):
            headers += _HEADERS
        else:
            headers += [pair for pair in _HEADERS if pair[0] not in own]
        position = self._position() if incoming.position is None else incoming.position
        headers.append((b"caselog-position", b"%d" % position))
        headers.append((b"x-request-id", str(incoming.request_id).encode()))
        message["headers"] = headers


def _in_time(receive: Receive) -> Receive:
    """Gives up on a body that does not come, raising ProblemRaised (408)."""
    deadline = asyncio.get_running_loop().time() + BODY_SECONDS_MAX

    async def receive_in_time() -> Any:
        try:
            async with asyncio.timeout_at(deadline):
                return await receive()
        except TimeoutError:
            detail = f"the body did not come within {BODY_SECONDS_MAX:g} s"
            raise ProblemRaised(problem(Kind.SLOW, detail)) from None

    return receive_in_time


async def _refuse(refusal: Problem, incoming: Incoming, send: Send) -> None:
    body = problem_body(refusal, incoming.request_id)
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        *(
            (name.lower().encode(), value.encode())
            for name, value in answer_headers(refusal.kind).items()
        ),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _check_characters(path: str, query: bytes) -> None:
    """No database stores U+0000, and no name of ours holds a control character."""
    if not _CONTROL.isdisjoint(path):
        raise ProblemRaised(problem(Kind.NOT_FOUND, "no route has this path"))
    if b"%00" in query:
        for part in query.split(b"&"):
            name, _, _ = part.partition(b"=")
            if b"\0" in unquote_to_bytes(part):
                field = unquote_to_bytes(name).decode("utf-8", "replace").replace("\0", "")
                raise ProblemRaised(wrong_field(field, "must not hold the character U+0000"))
