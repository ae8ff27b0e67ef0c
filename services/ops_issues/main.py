"""Operations as a process: the only file of this service that picks adapters."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final
from uuid import UUID

from services.ops_issues.domain.events import KNOWN
from services.ops_issues.edges import http_commands, http_lists, http_reads
from services.ops_issues.edges.aftermath import Aftermath
from services.ops_issues.edges.desk import Desk
from services.ops_issues.edges.intake import BODIES, carrying_out
from services.ops_issues.edges.interpreter import Interpreter
from services.ops_issues.projections.issues import Issues
from shared.bus.jetstream import nats_transport
from shared.bus.postgres import AdvisoryLock, PostgresDeadLetters
from shared.eventlog.log import EventLog
from shared.eventlog.postgres import PostgresStore
from shared.eventlog.projector import Projector
from shared.eventlog.recovered import LogRecovered
from shared.events import ops
from shared.events.codec import Codec
from shared.hosting.assembly import Adapters, Composed, Identity
from shared.hosting.service import serve_service
from shared.hosting.settings import ServiceSettings

CODEC: Final = Codec([*KNOWN, LogRecovered])
IDENTITY: Final = Identity(
    service="ops",
    other="eng",
    title="caselog Operations",
    source=ops.SOURCE,
    codec=CODEC,
    projections=(Issues(CODEC),),
)
ADAPTERS: Final = Adapters(
    store=PostgresStore,
    transport=nats_transport,
    dead_letters=PostgresDeadLetters,
    election=AdvisoryLock,
)


def serve() -> int:
    """Runs the service on the servers that the settings name; the exit code."""
    return serve_service(IDENTITY, ADAPTERS, compose)


def compose(
    settings: ServiceSettings, log: EventLog, models: Projector, new_id: Callable[[], UUID]
) -> Composed:
    """What Operations does with its log."""
    desk = Desk(log, new_id)
    return Composed(
        interpreter=Interpreter(log, desk.issues, desk.teams),
        bodies=dict(BODIES),
        carry_out=carrying_out(desk, settings.unseen_wait),
        commands=http_commands.command_table(desk),
        rebuild=partial(http_commands.rebuild, desk),
        routes=[*http_reads.routes(log, desk), *http_lists.routes(log, models)],
        aftermath=Aftermath(desk.issues),
    )
