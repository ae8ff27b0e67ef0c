"""The parts of one service that its servers stand around: log, exchange, commands.

What a service takes from the outside comes in as values, time and chance among them: production
gives it the real ones, the simulation its own, and both run what is put together here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

import asyncpg
from prometheus_client import CollectorRegistry

from shared.bus.dead_letters import DeadLetters
from shared.bus.election import Election
from shared.bus.exchange import Exchange, Transport
from shared.bus.recovery import Aftermath
from shared.bus.relay import new_token
from shared.bus.storing import Interpreter
from shared.eventlog.log import EventLog
from shared.eventlog.port import LogStore
from shared.eventlog.projections import Projection
from shared.eventlog.projector import Projector
from shared.events.codec import Codec
from shared.events.intake import After
from shared.events.intake import Service as ServiceName
from shared.hosting.clock import utc_now
from shared.hosting.command_routes import CommandRunner
from shared.hosting.commands import AnyCommand, Rebuild
from shared.hosting.ids import new_id
from shared.hosting.intake import CarryOut, IntakeDesk
from shared.hosting.settings import ServiceSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a service asks the world for, beside what its adapters do.

    Attributes:
        clock: The time, in UTC.
        new_id: A fresh UUIDv7.
        chance: A number from 0 to 1, to spread what is tried again.
        token: A few characters that nobody made before.
    """

    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    chance: Callable[[], float]
    token: Callable[[], str]


THE_WORLD: Final = Surroundings(clock=utc_now, new_id=new_id, chance=random.random, token=new_token)


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
        aftermath: What follows, for it, from a log that was restored.
    """

    interpreter: Interpreter
    bodies: dict[str, type[Any]]
    carry_out: CarryOut
    commands: Sequence[AnyCommand]
    rebuild: Rebuild
    routes: Sequence[Any]
    aftermath: Aftermath


class Compose(Protocol):
    """What a service does with its log; each service's ``main`` has one."""

    def __call__(
        self,
        settings: ServiceSettings,
        log: EventLog,
        models: Projector,
        new_id: Callable[[], UUID],
    ) -> Composed: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """One service's parts, none of them started."""

    log: EventLog
    models: Projector
    composed: Composed
    letters: DeadLetters
    exchange: Exchange
    runner: CommandRunner


def assemble(
    identity: Identity,
    settings: ServiceSettings,
    adapters: Adapters,
    compose: Compose,
    *,
    pool: asyncpg.Pool,
    registry: CollectorRegistry,
    on_closed: Callable[[], None],
    around: Surroundings = THE_WORLD,
) -> Assembled:
    """Puts a service's parts together.

    ``pool`` is for dead letters, ``registry`` for the broker's metrics; ``on_closed`` is called
    when the connection to the broker is closed for good.
    """
    dsn = settings.postgres_dsn.get_secret_value()
    letters = adapters.dead_letters(pool, clock=around.clock, new_id=around.new_id)
    log = EventLog(
        adapters.store(dsn, source=identity.source),
        source=identity.source,
        codec=identity.codec,
        clock=around.clock,
        jitter=around.chance,
    )
    models = Projector(log, identity.projections, dsn)
    composed = compose(settings, log, models, around.new_id)
    transport = adapters.transport(
        settings.nats_url.get_secret_value(),
        service=identity.service,
        other=identity.other,
        log=log,
        on_closed=on_closed,
        registry=registry,
    )
    election = adapters.election(dsn)
    exchange = _exchange(identity, settings, composed, log, transport, letters, election, around)
    runner = CommandRunner(log, composed.rebuild, around.clock)
    return Assembled(
        log=log,
        models=models,
        composed=composed,
        letters=letters,
        exchange=exchange,
        runner=runner,
    )


def _exchange(
    identity: Identity,
    settings: ServiceSettings,
    composed: Composed,
    log: EventLog,
    transport: Transport,
    letters: DeadLetters,
    election: Election,
    around: Surroundings,
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
        election=election,
        clock=around.clock,
        token=around.token,
        aftermath=composed.aftermath,
    )
    return exchange
