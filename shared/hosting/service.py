"""One service as a process: its parts with their servers, run from start to end.

A service's ``main`` says who it is (``Identity``), which adapters it stands on (``Adapters``), and
what it makes of its log (``Composed``); ``assembly`` puts the parts together.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Final

import asyncpg

from shared.eventlog.model import LogUnavailable
from shared.hosting import operating
from shared.hosting.app import Site, build_app
from shared.hosting.assembly import Adapters, Compose, Identity, assemble
from shared.hosting.asyncapi import asyncapi_document
from shared.hosting.clock import utc_now
from shared.hosting.clock_watch import ClockWatch
from shared.hosting.health import Readiness
from shared.hosting.http_server import AddressTaken, HttpServer
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
    metrics = Metrics()
    parts = assemble(
        identity,
        settings,
        adapters,
        compose,
        pool=pool,
        registry=metrics.registry,
        on_closed=lambda: lifetime.fail("the connection to NATS was closed for good"),
    )
    log, exchange, runner = parts.log, parts.exchange, parts.runner
    log.on_commit(metrics.committed)
    log.on_loss(lifetime.fail)
    watch = ClockWatch(lambda: pool.fetchval("SELECT clock_timestamp()"), utc_now)
    status = operating.Status(log, exchange, parts.letters, parts.models, watch)
    status.measure(metrics)
    site = Site(
        title=identity.title,
        version=version("caselog"),
        log=log,
        verifier=TokenVerifier(settings.jwks),
        readiness=Readiness(status.checks(), lifetime),
        metrics=metrics,
        routes=[
            *parts.composed.routes,
            *runner.routes(parts.composed.commands),
            *LogRoutes(log, lifetime, utc_now).routes(),
            *operating.routes(status, exchange.intake, parts.letters),
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
            parts.models,
            Named("exchange", exchange.start, exchange.stop),
            Periodic(
                "idempotency keys", FORGET_SECONDS, lambda: runner.idempotency.forget(utc_now())
            ),
            server,
        ],
        lifetime,
    )


async def _opened(pool: asyncpg.Pool) -> None:
    await pool
