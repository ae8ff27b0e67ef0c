"""Engineering as a process: the only file of this service that picks adapters."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final
from uuid import UUID

from services.eng_issues.domain.events import BODIES
from services.eng_issues.edges import http_commands, http_lists, http_reads, intake
from services.eng_issues.edges.aftermath import Aftermath
from services.eng_issues.edges.board import Board
from services.eng_issues.edges.interpreter import Interpreter
from services.eng_issues.projections.boards import Boards
from shared.bus.jetstream import nats_transport
from shared.bus.postgres import AdvisoryLock, PostgresDeadLetters
from shared.eventlog.log import EventLog
from shared.eventlog.postgres import PostgresStore
from shared.eventlog.projector import Projector
from shared.eventlog.recovered import LogRecovered
from shared.events import eng
from shared.events.codec import Codec
from shared.hosting.assembly import Adapters, Composed, Identity
from shared.hosting.service import serve_service
from shared.hosting.settings import ServiceSettings

CODEC: Final = Codec([*BODIES, LogRecovered])
IDENTITY: Final = Identity(
    service="eng",
    other="ops",
    title="caselog Engineering",
    source=eng.SOURCE,
    codec=CODEC,
    projections=(Boards(CODEC),),
)


def serve() -> int:
    """Runs the service on the servers that the settings name; the exit code."""
    return serve_service(
        IDENTITY,
        Adapters(
            store=PostgresStore,
            transport=nats_transport,
            dead_letters=PostgresDeadLetters,
            election=AdvisoryLock,
        ),
        compose,
    )


def compose(
    settings: ServiceSettings, log: EventLog, models: Projector, new_id: Callable[[], UUID]
) -> Composed:
    """What Engineering does with its log."""
    board = Board(log, new_id)
    return Composed(
        interpreter=Interpreter(log, board.states),
        bodies=dict(intake.BODIES),
        carry_out=intake.carrying_out(board, settings.unseen_wait),
        commands=http_commands.command_table(board),
        rebuild=partial(http_commands.rebuild, board),
        routes=[*http_reads.routes(log, board), *http_lists.routes(board, models)],
        aftermath=Aftermath(log, board.states),
    )
