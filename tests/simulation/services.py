"""The two services as processes of the simulation, put together by what production runs.

A process has its own event log, states, relay, receiver, intake; its database outlives it. Where a
read model is SQL in production, its fold runs here, with rows and a checkpoint that move together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from pydantic import SecretStr

from services.eng_issues import main as eng_main
from services.eng_issues.projections import board_rows
from services.ops_issues import main as ops_main
from services.ops_issues.projections import issue_rows
from shared.bus.storing import Interpreter
from shared.eventlog.log import EventLog
from shared.eventlog.model import Append, Foreign, LogUnavailable, Row
from shared.eventlog.projector import Projector
from shared.eventlog.states import States
from shared.events.intake import Service
from shared.hosting.assembly import (
    Adapters,
    Assembled,
    Compose,
    Composed,
    Identity,
    Surroundings,
    assemble,
)
from shared.hosting.commands import AnyCommand
from shared.hosting.settings import ServiceSettings
from tests.simulation.database import Connection, Database, Letters
from tests.simulation.loop import Process
from tests.simulation.network import SimTransport, Wire
from tests.simulation.weather import POISON, Around, WallClock, Weather

UNSEEN_WAIT_S: Final = 3.0
SETTINGS: Final = ServiceSettings(
    postgres_dsn=SecretStr("simulated"),
    nats_url=SecretStr("simulated"),
    jwks=Path("none"),
    unseen_wait=UNSEEN_WAIT_S,
)
IDENTITIES: Final[Mapping[Service, Identity]] = {
    "ops": ops_main.IDENTITY,
    "eng": eng_main.IDENTITY,
}
COMPOSE: Final[Mapping[Service, Compose]] = {"ops": ops_main.compose, "eng": eng_main.compose}
POISONOUS: Final = frozenset(
    {"caselog.eng.progressed.v1", "caselog.eng.team-defined.v1", "caselog.ops.status-changed.v1"}
)
READ_ROWS: Final = 20
"""Rows that a read model takes in at a time."""

Tables = Mapping[Any, Any]
Fold = Callable[[Tables, Sequence[Row]], Tables]


def fold_issues(held: Tables, rows: Sequence[Row]) -> Tables:
    """Operations' read model after more rows: issues by number."""
    return issue_rows.fold_rows(held, rows, ops_main.CODEC).issues


def fold_boards(held: Tables, rows: Sequence[Row]) -> Tables:
    """Engineering's read model after more rows: streams by name."""
    return board_rows.fold_rows(held, rows, eng_main.CODEC)


FOLDS: Final[Mapping[Service, Fold]] = {"ops": fold_issues, "eng": fold_boards}


class Seat:
    """Who of a service's processes does the exchange: one, or for a while every one."""

    def __init__(self) -> None:
        self.holders: list[Process] = []
        self.is_shared = False
        self._moved = asyncio.Event()

    def changed(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    def share(self, shared: bool) -> None:
        """Lets all have it, or takes it from all but the first."""
        self.is_shared = shared
        if not shared:
            del self.holders[1:]
        self.changed()

    def leave(self, process: Process) -> None:
        if process in self.holders:
            self.holders.remove(process)
            self.changed()

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            await self._moved.wait()


class SimElection:
    """``Election`` of one process."""

    def __init__(self, seat: Seat, process: Process) -> None:
        self._seat = seat
        self._process = process

    async def won(self) -> None:
        seat = self._seat
        await seat.until(lambda: seat.is_shared or not seat.holders)
        if self._process not in seat.holders:
            seat.holders.append(self._process)

    async def lost(self) -> None:
        seat = self._seat
        await seat.until(lambda: self._process not in seat.holders)

    async def resign(self) -> None:
        self._seat.leave(self._process)


class Poisoned:
    """An interpreter with a bug: it fails on some events, the same ones each time.

    They are of kinds from which nothing follows, so that what must be said still is.
    """

    def __init__(self, inner: Interpreter, weather: Weather) -> None:
        self.inner = inner
        self._weather = weather

    async def interpret(self, batch: Sequence[Foreign]) -> Append:
        if any(each.type in POISONOUS and each.id.int % 3 == 0 for each in batch):
            self._weather.counts[POISON] += 1
            raise RuntimeError("a bug")
        return await self.inner.interpret(batch)


class Running:
    """One process of a service, from its start until it is killed or stopped."""

    def __init__(
        self,
        service: Service,
        process: Process,
        database: Database,
        wire: Wire,
        seat: Seat,
        clock: WallClock,
    ) -> None:
        self.service: Service = service
        self.process = process
        self.is_ready = False
        self._database = database
        self._wire = wire
        self._seat = seat
        self.clock = clock
        self._around = Around(wire.weather, wire.loop.time, clock)
        self.parts: Assembled | None = None
        self.commands: dict[str, AnyCommand] = {}
        self._reading: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Starts; like its supervisor, again for as long as the database is away."""
        while True:
            parts = self.parts = self._assemble()
            try:
                await parts.log.start()
                break
            except LogUnavailable:
                await asyncio.sleep(0.3)
        self.commands = {command.name: command for command in parts.composed.commands}
        await parts.exchange.start()
        reading = self._read(parts.log)
        self._reading = asyncio.create_task(reading, name="read models")
        self.is_ready = True

    async def stop(self) -> None:
        """In good order, as SIGTERM does it."""
        self.is_ready = False
        if self.parts is not None and self._reading is not None:
            self._reading.cancel()
            await self.parts.exchange.stop()
            await self.parts.log.stop()
        self.process.kill()

    def states(self) -> list[States[Any]]:
        """All that this process keeps folded."""
        assert self.parts is not None
        interpreter = self.parts.composed.interpreter
        inner = interpreter.inner if isinstance(interpreter, Poisoned) else interpreter
        return [each for each in vars(inner).values() if isinstance(each, States)]

    def _assemble(self) -> Assembled:
        wire, process, database = self._wire, self.process, self._database

        def transport(
            url: str, *, service: Service, other: Service, log: EventLog, **_: Any
        ) -> SimTransport:
            return SimTransport(wire, process, service, log)

        def store(dsn: str, *, source: str) -> Connection:
            return Connection(database, wire.loop, wire.weather, wire.context)

        def letters(pool: Any, *, clock: Any, new_id: Any) -> Letters:
            return Letters(database)

        adapters = Adapters(
            store=store,
            transport=transport,
            dead_letters=letters,
            election=lambda _: SimElection(self._seat, process),
        )
        around = self._around
        return assemble(
            IDENTITIES[self.service],
            SETTINGS,
            adapters,
            self._compose,
            pool=None,  # type: ignore[arg-type] # only PostgreSQL's dead letters use it
            registry=None,  # type: ignore[arg-type] # only the real broker measures
            on_closed=process.kill,
            around=Surroundings(
                clock=around.clock,
                new_id=around.new_id,
                chance=around.chance,
                token=around.token,
            ),
        )

    def _compose(
        self,
        settings: ServiceSettings,
        log: EventLog,
        models: Projector,
        new_id: Callable[[], UUID],
    ) -> Composed:
        composed = COMPOSE[self.service](settings, log, models, new_id)
        if POISON not in self._wire.weather.kinds:
            return composed
        return replace(composed, interpreter=Poisoned(composed.interpreter, self._wire.weather))

    async def _read(self, log: EventLog) -> None:
        """Keeps the read model filled, as ``shared.eventlog.projections`` does."""
        database, fold = self._database, FOLDS[self.service]
        while True:
            position: int = database.rows_read.get("position", 0)
            try:
                rows = await log.store.read(position, READ_ROWS)
            except LogUnavailable:
                await asyncio.sleep(0.2)
                continue
            if not rows:
                await log.changed(position)
                continue
            held = database.rows_read.get("tables", {})
            after = {**held, **fold(held, rows)}
            # One transaction, that fails if another process moved the checkpoint.
            if database.rows_read.get("position", 0) == position and database.is_up:
                database.rows_read = {"position": rows[-1].position, "tables": after}
