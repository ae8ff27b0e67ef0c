"""Engineering as a process: the only file of this service that picks adapters."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.metadata import version

import asyncpg
from prometheus_client import CollectorRegistry

from services.eng_issues.domain.events import BODIES as KNOWN
from services.eng_issues.edges import http_commands, http_lists, http_reads
from services.eng_issues.edges.board import Board
from services.eng_issues.edges.intake import BODIES, carrying_out
from services.eng_issues.edges.interpreter import Interpreter
from services.eng_issues.projections.boards import Boards
from shared.bus.exchange import Transport
from shared.bus.jetstream import nats_transport
from shared.bus.postgres import AdvisoryLock, PostgresDeadLetters
from shared.eventlog.log import EventLog
from shared.eventlog.postgres import PostgresStore
from shared.eventlog.projector import Projector
from shared.events import eng
from shared.events.codec import Codec
from shared.hosting.asyncapi import asyncapi_document
from shared.hosting.clock import utc_now
from shared.hosting.ids import new_id
from shared.hosting.lifetime import Lifetime
from shared.hosting.service import Adapters, Composed, Identity, run_service, serve_service
from shared.hosting.settings import ServiceSettings

POOL_MAX = 8
"""Connections for read models and dead letters."""

CODEC = Codec(KNOWN)
PROJECTIONS = (Boards(CODEC),)

IDENTITY = Identity(
    service="eng",
    other="ops",
    title="caselog Engineering",
    version=version("caselog"),
    source=eng.SOURCE,
    codec=CODEC,
    asyncapi=asyncapi_document,
)


def serve() -> int:
    """Runs the service on the servers that the settings name; the exit code."""
    return serve_service(IDENTITY, _main)


async def _main(settings: ServiceSettings, lifetime: Lifetime) -> int:
    dsn = settings.postgres_dsn.get_secret_value()
    pool = asyncpg.create_pool(dsn, min_size=1, max_size=POOL_MAX)
    adapters = Adapters(
        store=PostgresStore(dsn, source=eng.SOURCE),
        pool=pool,
        transport=partial(_transport, settings),
        dead_letters=PostgresDeadLetters(pool, clock=utc_now, new_id=new_id),
        election=AdvisoryLock(dsn),
    )
    return await run_service(IDENTITY, settings, adapters, partial(compose, settings), lifetime)


def compose(settings: ServiceSettings, log: EventLog) -> Composed:
    """What Engineering does with its log."""
    board = Board(log, new_id)
    models = Projector(log, PROJECTIONS, settings.postgres_dsn.get_secret_value())
    return Composed(
        interpreter=Interpreter(log, board.states),
        bodies=dict(BODIES),
        carry_out=carrying_out(board, settings.unseen_wait),
        commands=http_commands.command_table(board),
        rebuild=partial(http_commands.rebuild, board),
        routes=[*http_reads.routes(log, board), *http_lists.routes(models)],
        models=models,
    )


def _transport(
    settings: ServiceSettings,
    log: EventLog,
    on_closed: Callable[[], None],
    registry: CollectorRegistry,
) -> Transport:
    return nats_transport(
        settings.nats_url.get_secret_value(),
        service="eng",
        other="ops",
        log=log,
        on_closed=on_closed,
        registry=registry,
    )
