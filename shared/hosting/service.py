"""One service as a process: its log, its exchange, its HTTP, put together the same way for both.

A service's ``main`` says who it is (``Identity``), which adapters it stands on (``Adapters``), and
what it makes of its log (``Composed``).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final, Protocol

import asyncpg
from prometheus_client import CollectorRegistry

from shared.bus.dead_letters import DeadLetters
from shared.bus.election import Election
from shared.bus.exchange import Exchange, Transport
from shared.bus.storing import Interpreter
from shared.eventlog.log import EventLog
from shared.eventlog.model import LogUnavailable
from shared.eventlog.port import LogStore
from shared.eventlog.projections import Projection
from shared.eventlog.projector import Projector
from shared.events.codec import Codec
from shared.events.intake import After
from shared.events.intake import Service as ServiceName
from shared.hosting import operating
from shared.hosting.app import Site, build_app
from shared.hosting.asyncapi import asyncapi_document
from shared.hosting.clock import utc_now
from shared.hosting.clock_watch import ClockWatch
from shared.hosting.command_routes import CommandRunner
from shared.hosting.commands import AnyCommand, Rebuild
from shared.hosting.health import Readiness
from shared.hosting.http_server import AddressTaken, HttpServer
from shared.hosting.ids import new_id
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
LETTER_CONNECTIONS_MAX: Final = 4
"""Connections for dead letters."""
WRONG_USAGE: Final = 2
UNREACHABLE: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which service this is, what its log may hold, and its read models."""

    service: ServiceName
    other: ServiceName
    title: str
    source: str
    codec: Codec
    projections: tuple[Projection, ...]


class MakeTransport(Protocol):
    """Makes the broker of a log; as ``shared.bus.jetstream.nats_transport``."""

    def __call__(
        self,
        url: str,
        *,
        service: ServiceName,
        other: ServiceName,
        log: EventLog,
        on_closed: Callable[[], None],
        registry: CollectorRegistry,
    ) -> Transport: ...


class MakeStore(Protocol):
    """Makes where a log's rows live; as ``shared.eventlog.postgres.PostgresStore``."""

    def __call__(self, dsn: str, *, source: str) -> LogStore: ...


class MakeDeadLetters(Protocol):
    """Makes where goes what cannot be processed; as ``shared.bus.postgres.PostgresDeadLetters``."""

    def __call__(self, pool: asyncpg.Pool, *, clock: Any, new_id: Any) -> DeadLetters: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """What a service stands on, picked by its ``main``.

    ``election`` decides, of a database, which process of a service does the exchange.
    """

    store: MakeStore
    transport: MakeTransport
    dead_letters: MakeDeadLetters
    election: Callable[[str], Election]


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
    """

    interpreter: Interpreter
    bodies: dict[str, type[Any]]
    carry_out: CarryOut
    commands: Sequence[AnyCommand]
    rebuild: Rebuild
    routes: Sequence[Any]


Compose = Callable[[ServiceSettings, EventLog, Projector], Composed]


def serve_service(identity: Identity, adapters: Adapters, compose: Compose) -> int:
    """Runs a service as a process until a signal ends it; the exit code.

    What it cannot start with is said in one line.
    """
    try:
        settings = load_settings(ServiceSettings)
    except SettingsWrong as error:
        print(f"caselog {identity.service}: {error}", file=sys.stderr)  # noqa: T201 - no logs yet
        return WRONG_USAGE
    configure_logs(identity.service, settings.log_level)
    try:
        return run(lambda lifetime: run_service(identity, settings, adapters, compose, lifetime))
    except (AddressTaken, LogUnavailable, OSError, asyncpg.PostgresError) as error:
        print(f"caselog {identity.service}: {error}", file=sys.stderr)  # noqa: T201 - the last word
        return UNREACHABLE


async def run_service(
    identity: Identity,
    settings: ServiceSettings,
    adapters: Adapters,
    compose: Compose,
    lifetime: Lifetime,
) -> int:
    """Runs the service until its lifetime ends; the exit code.

    Raises AddressTaken, LogUnavailable and what else a part raises when it starts.
    """
    dsn = settings.postgres_dsn.get_secret_value()
    pool = asyncpg.create_pool(dsn, min_size=1, max_size=LETTER_CONNECTIONS_MAX)
    letters = adapters.dead_letters(pool, clock=utc_now, new_id=new_id)
    log = EventLog(
        adapters.store(dsn, source=identity.source),
        source=identity.source,
        codec=identity.codec,
        clock=utc_now,
    )
    metrics = Metrics()
    log.on_commit(metrics.committed)
    models = Projector(log, identity.projections, dsn)
    composed = compose(settings, log, models)
    transport = adapters.transport(
        settings.nats_url.get_secret_value(),
        service=identity.service,
        other=identity.other,
        log=log,
        on_closed=lambda: lifetime.fail("the connection to NATS was closed for good"),
        registry=metrics.registry,
    )
    exchange = _exchange(identity, settings, composed, log, transport, letters, adapters)
    runner = CommandRunner(log, composed.rebuild, utc_now)
    watch = ClockWatch(lambda: pool.fetchval("SELECT clock_timestamp()"), utc_now)
    status = operating.Status(log, exchange, letters, models, watch)
    status.measure(metrics)
    site = Site(
        title=identity.title,
        version=version("caselog"),
        log=log,
        verifier=TokenVerifier(settings.jwks),
        readiness=Readiness(status.checks(), lifetime),
        metrics=metrics,
        routes=[
            *composed.routes,
            *runner.routes(composed.commands),
            *LogRoutes(log, lifetime, utc_now).routes(),
            *operating.routes(status, exchange.intake, letters),
        ],
        asyncapi=asyncapi_document,
    )
    server = HttpServer(build_app(site), settings.http_host, settings.http_port, lifetime)
    return await run_parts(
        [
            Watchdog(),
            Named("database", lambda: _opened(pool), pool.close),
            watch.part(),
            Named("log", log.start, log.stop),
            models,
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
    composed: Composed,
    log: EventLog,
    transport: Transport,
    letters: DeadLetters,
    adapters: Adapters,
) -> Exchange:
    async def presume(after: After) -> bool:
        if after.service == identity.service:
            return True  # its receipt came when it was recorded here
        return await exchange.presumed.held(after.position, settings.unseen_wait)

    exchange = Exchange(
        service=identity.service,
        other=identity.other,
        log=log,
        transport=transport,
        interpreter=composed.interpreter,
        handler=IntakeDesk(log, composed.bodies, composed.carry_out, presume),
        dead_letters=letters,
        election=adapters.election(settings.postgres_dsn.get_secret_value()),
        clock=utc_now,
    )
    return exchange


async def _opened(pool: asyncpg.Pool) -> None:
    await pool
