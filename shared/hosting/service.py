"""One service as a process: its log, its exchange, its HTTP, put together the same way for both.

A service's ``main`` picks the adapters (``Adapters``) and says what it is made of (``Composed``).
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
from prometheus_client import CollectorRegistry

from shared.bus.dead_letters import DeadLetters
from shared.bus.election import Election
from shared.bus.exchange import Exchange, Transport
from shared.bus.storing import Interpreter
from shared.eventlog.log import EventLog
from shared.eventlog.model import LogUnavailable
from shared.eventlog.port import LogStore
from shared.eventlog.projector import Projector
from shared.events.codec import Codec
from shared.events.intake import After
from shared.events.intake import Service as ServiceName
from shared.hosting import operating
from shared.hosting.app import Site, build_app
from shared.hosting.clock import utc_now
from shared.hosting.command_routes import CommandRunner
from shared.hosting.commands import AnyCommand, Rebuild
from shared.hosting.health import Readiness
from shared.hosting.http_server import AddressTaken, HttpServer
from shared.hosting.intake import CarryOut, IntakeDesk
from shared.hosting.lifetime import Lifetime
from shared.hosting.log_routes import LogRoutes
from shared.hosting.logs import configure_logs
from shared.hosting.metrics import Metrics
from shared.hosting.serving import Named, Periodic, run, run_parts
from shared.hosting.settings import ServiceSettings, SettingsWrong, load_settings
from shared.hosting.tokens import TokenVerifier
from shared.hosting.watchdog import Watchdog

FORGET_SECONDS: Final = 3600.0
"""How often idempotency keys that are old enough are forgotten."""
WRONG_USAGE: Final = 2
UNREACHABLE: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """What a service stands on, picked by its ``main``.

    Attributes:
        store: Where the log's rows live.
        pool: Connections to the same database, for read models and dead letters; not started yet.
        transport: Makes the broker of a log; is told what to do when the connection is lost for
            good, and where metrics go.
        dead_letters: Where goes what cannot be processed.
        election: Which process of this service does the exchange.
    """

    store: LogStore
    pool: asyncpg.Pool
    transport: Callable[[EventLog, Callable[[], None], CollectorRegistry], Transport]
    dead_letters: DeadLetters
    election: Election


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """What a service does with its log.

    Attributes:
        interpreter: What it makes of the other service's events.
        bodies: What other systems may tell it, by type.
        carry_out: What it makes of that.
        commands: Its commands over HTTP.
        rebuild: Answers a repeated command from the log.
        routes: Its other routes.
        models: Its read models.
    """

    interpreter: Interpreter
    bodies: dict[str, type[Any]]
    carry_out: CarryOut
    commands: Sequence[AnyCommand]
    rebuild: Rebuild
    routes: Sequence[Any]
    models: Projector


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which service this is, and what its log may hold."""

    service: ServiceName
    other: ServiceName
    title: str
    version: str
    source: str
    codec: Codec
    asyncapi: Callable[[], bytes] | None = None


async def run_service(
    identity: Identity,
    settings: ServiceSettings,
    adapters: Adapters,
    compose: Callable[[EventLog], Composed],
    lifetime: Lifetime,
) -> int:
    """Runs the service until its lifetime ends; the exit code.

    Raises AddressTaken, LogUnavailable and what else a part raises when it starts.
    """
    log = EventLog(adapters.store, source=identity.source, codec=identity.codec, clock=utc_now)
    metrics = Metrics()
    log.on_commit(metrics.committed)
    composed = compose(log)
    exchange = _exchange(identity, settings, adapters, composed, log, metrics, lifetime)
    runner = CommandRunner(log, composed.rebuild, utc_now)
    log_routes = LogRoutes(log, lifetime, utc_now)
    status = operating.Status(log, exchange, adapters.dead_letters, composed.models)
    status.measure(metrics)
    site = Site(
        title=identity.title,
        version=identity.version,
        log=log,
        verifier=TokenVerifier(settings.jwks),
        readiness=Readiness(status.checks(), lifetime),
        metrics=metrics,
        routes=[
            *composed.routes,
            *runner.routes(composed.commands),
            *log_routes.routes(),
            *operating.routes(status, exchange.intake, adapters.dead_letters),
        ],
        asyncapi=identity.asyncapi,
    )
    server = HttpServer(build_app(site), settings.http_host, settings.http_port, lifetime)
    return await run_parts(
        [
            Watchdog(),
            Named("database", lambda: _opened(adapters.pool), adapters.pool.close),
            Named("log", log.start, log.stop),
            composed.models,
            Named("exchange", exchange.start, exchange.stop),
            Periodic(
                "idempotency keys", FORGET_SECONDS, lambda: runner.idempotency.forget(utc_now())
            ),
            server,
        ],
        lifetime,
    )


def _exchange(
    identity: Identity,
    settings: ServiceSettings,
    adapters: Adapters,
    composed: Composed,
    log: EventLog,
    metrics: Metrics,
    lifetime: Lifetime,
) -> Exchange:
    def closed() -> None:
        lifetime.fail("the connection to NATS was closed for good")

    async def presume(after: After) -> bool:
        if after.service == identity.service:
            return True  # its receipt came when it was recorded here
        return await exchange.presumed.held(after.position, settings.unseen_wait)

    exchange = Exchange(
        service=identity.service,
        other=identity.other,
        log=log,
        transport=adapters.transport(log, closed, metrics.registry),
        interpreter=composed.interpreter,
        handler=IntakeDesk(log, composed.bodies, composed.carry_out, presume),
        dead_letters=adapters.dead_letters,
        election=adapters.election,
        clock=utc_now,
    )
    return exchange


async def _opened(pool: asyncpg.Pool) -> None:
    await pool


def serve_service(
    identity: Identity, main: Callable[[ServiceSettings, Lifetime], Awaitable[int]]
) -> int:
    """Runs a service as a process; what it cannot start with is said in one line."""
    try:
        settings = load_settings(ServiceSettings)
    except SettingsWrong as error:
        print(f"caselog {identity.service}: {error}", file=sys.stderr)  # noqa: T201 - no logs yet
        return WRONG_USAGE
    configure_logs(identity.service, settings.log_level)
    try:
        return run(lambda lifetime: main(settings, lifetime))
    except (AddressTaken, LogUnavailable, OSError, asyncpg.PostgresError) as error:
        print(f"caselog {identity.service}: {error}", file=sys.stderr)  # noqa: T201 - the last word
        return UNREACHABLE
