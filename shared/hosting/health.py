"""``/healthz``: the process is alive. ``/readyz``: what it needs is there, each part by name."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from shared.hosting.answers import problem_answer
from shared.hosting.documented import OPT, Documented
from shared.hosting.incoming import incoming_of
from shared.hosting.lifetime import Lifetime
from shared.hosting.problems import Kind, Problem

CHECK_SECONDS_MAX: Final = 2.0
FINE: Final = "ok"

Check = Callable[[], Awaitable[str | None]]
"""What is wrong with a part, in a few words; None if nothing is."""


class Health(msgspec.Struct, frozen=True):
    """The state of a service, and of each part where they were asked."""

    status: str
    checks: Mapping[str, str] = {}


class Readiness:
    """Asks every part; says no from the moment that the service begins to stop."""

    def __init__(self, checks: Mapping[str, Check], lifetime: Lifetime) -> None:
        self._checks = dict(checks)
        self._lifetime = lifetime

    async def ask(self) -> dict[str, str]:
        """What each part says, all asked at once."""
        names = list(self._checks)
        said = await asyncio.gather(*(_ask(self._checks[name]) for name in names))
        answers = dict(zip(names, said, strict=True))
        if self._lifetime.ending:
            answers["service"] = "is stopping"
        return answers


async def _ask(check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS_MAX):
            return await check() or FINE
    except TimeoutError:
        return f"no answer within {CHECK_SECONDS_MAX:g} s"
    except Exception as error:  # noqa: BLE001 - whatever a part raises, it is not ready
        return f"{type(error).__name__}: {error}"


def health_routes(readiness: Readiness) -> list[HTTPRouteHandler]:
    """``/healthz`` and ``/readyz``, which need no token."""

    @get(
        "/healthz",
        operation_id="healthz",
        summary="Is the process alive?",
        opt={OPT: Documented(problems=(), token=False)},
    )
    async def healthz() -> Health:
        return Health("alive")

    @get(
        "/readyz",
        operation_id="readyz",
        summary="Is everything there that the service needs?",
        opt={OPT: Documented(problems=(503,), token=False)},
    )
    async def readyz(request: Request[Any, Any, Any]) -> Response[Health]:
        checks = await readiness.ask()
        wrong = [name for name, said in checks.items() if said != FINE]
        if not wrong:
            return Response(Health("ready", checks))
        kind = Kind.NOT_READY
        problem = Problem(
            type=kind.uri,
            title=kind.title,
            status=kind.status,
            detail="; ".join(f"{name}: {checks[name]}" for name in wrong),
            checks=checks,
        )
        answer = problem_answer(problem, incoming_of(request).request_id)
        return answer.response()  # type: ignore[return-value]

    return [healthz, readyz]
