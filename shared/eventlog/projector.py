"""Read models kept filled and open for reading.

Readers find the live tables of all projections on their connection's search path. When a generation
is swapped, the process that did it knows at once, others within ``WATCH_S``; connections with the
old path are closed as their readers give them back, and its tables stay for ``RETIRED_KEPT``.

One process per database does the work, elected by an advisory lock. Two at once, which a lost
connection can bring about for a moment, are harmless: a checkpoint moves from a known position or
not at all, with its rows or not at all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from shared.eventlog.commit_lines import CONNECT_S_MAX
from shared.eventlog.generations import (
    Generation,
    create,
    drop_retired,
    generations,
    search_path,
)
from shared.eventlog.log import EventLog
from shared.eventlog.model import LogUnavailable
from shared.eventlog.postgres_errors import CONNECTION_TROUBLE, told_as_log_errors
from shared.eventlog.projections import Filling, Projection
from shared.eventlog.reading import connection_of, leave_as_it_is

WATCH_S: Final = 1.0
"""How often a process looks at the registry: for swaps, and for positions that others moved."""
FOLLOW_S: Final = 0.02
"""The same while somebody waits for a position and another process does the work."""
ELECTION_S: Final = 1.0
"""How often a process tries to become the one that does the work."""
TIDY_S: Final = 10.0
"""How often that one drops retired tables, and finds out whether its connection lives."""
READERS_MAX: Final = 8
STATEMENT_S_MAX: Final = 10.0
LOCK: Final = 7_225_120
"""The session advisory lock of the process that does the work."""

_AWAY: Final = (asyncpg.PostgresError, *CONNECTION_TROUBLE)

_logger = logging.getLogger(__name__)


class NotFilled(LogUnavailable):
    """A read model is being filled for the first time, or for this version of the code."""


class Projector:
    """All read models of one service.

    Args:
        log: the started log that they follow.
        projections: what they are; their names differ.
        dsn: the log's database, as the service's role, which may create schemas.
        readers: connections for reading, at most.
    """

    name = "read models"

    def __init__(
        self,
        log: EventLog,
        projections: Sequence[Projection],
        dsn: str,
        *,
        readers: int = READERS_MAX,
    ) -> None:
        self._log = log
        self._projections = {projection.name: projection for projection in projections}
        self._dsn = dsn
        self._readers = readers
        self._open: dict[str, Generation] = {}
        self._positions: dict[str, int] = {}
        self._advanced = asyncio.Event()
        self._look = asyncio.Event()
        self._waiters = 0
        self._leads = False
        self._pool: asyncpg.Pool | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        """Opens what is filled already and begins to work. Raises LogUnavailable."""
        with told_as_log_errors():
            self._registry = await self._connect("registry")
            await self._learn()
        self._tasks = {
            asyncio.create_task(self._watch(), name="read models, watched"),
            asyncio.create_task(self._lead(), name="read models, filled"),
        }

    async def stop(self) -> None:
        """Stops in the middle of whatever batch there is; it is done again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        self._registry.terminate()
        if self._pool is not None:
            await self._pool.close()

    @property
    def ready(self) -> bool:
        """Whether every read model can be read, as this version of the code made it."""
        return self._pool is not None

    @property
    def position(self) -> int:
        """The position up to which all of them hold the log, as far as this process knows."""
        positions = [self.position_of(name) for name in self._projections]
        return min(positions, default=self._log.head.position)

    @property
    def positions(self) -> dict[str, int]:
        """The same of each, by name."""
        return {name: self.position_of(name) for name in self._projections}

    def position_of(self, name: str) -> int:
        """The same of one of them: of the tables that ``reading`` finds."""
        generation = self._open.get(name)
        return 0 if generation is None else self._positions[generation.schema]

    async def wait_for(self, position: int, timeout: float) -> bool:
        """Whether all of them hold that position within ``timeout`` seconds."""
        if self.position >= position:
            return True
        self._waiters += 1
        self._look.set()
        try:
            async with asyncio.timeout(timeout):
                while self.position < position:
                    await self._advanced.wait()
        except TimeoutError:
            return False
        finally:
            self._waiters -= 1
        return True

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection that finds the live tables by their bare names, for reading only.

        Raises LogUnavailable, also for what the body raises when the connection is lost; NotFilled.
        """
        if self._pool is None:
            raise NotFilled("the read models are being filled")
        async with connection_of(self._pool) as connection:
            yield connection  # type: ignore[misc] # a proxy that does what a connection does

    # --- knowing ------------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            hurried = self._waiters and not self._leads
            try:
                async with asyncio.timeout(FOLLOW_S if hurried else WATCH_S):
                    await self._look.wait()
            except TimeoutError:
                pass
            self._look.clear()
            try:
                if self._registry.is_closed():
                    self._registry = await self._connect("registry")
                await self._learn()
            except _AWAY as error:
                _logger.warning("the read models' registry is away: %r", error)
                await asyncio.sleep(ELECTION_S)

    async def _learn(self) -> None:
        current = [each for each in await generations(self._registry) if self._is_current(each)]
        for generation in current:
            self._moved(generation, generation.position)
        live = {each.name: each for each in current if each.live}
        if live.keys() == self._projections.keys() and (
            self._pool is None or search_path(live.values()) != search_path(self._open.values())
        ):
            await self._open_for_reading(live)

    def _is_current(self, generation: Generation) -> bool:
        projection = self._projections.get(generation.name)
        return projection is not None and projection.version == generation.version

    async def _open_for_reading(self, live: dict[str, Generation]) -> None:
        pool = await asyncpg.create_pool(
            self._dsn,
            min_size=1,
            max_size=self._readers,
            timeout=CONNECT_S_MAX,
            command_timeout=STATEMENT_S_MAX,
            reset=leave_as_it_is,
            server_settings={
                "application_name": "caselog read models",
                "search_path": search_path(live.values()),
                "default_transaction_read_only": "on",
                "jit": "off",
            },
        )
        old, self._pool, self._open = self._pool, pool, live
        self._tell()
        if old is not None:
            closing = asyncio.create_task(old.close())
            self._tasks.add(closing)
            closing.add_done_callback(self._tasks.discard)

    def _moved(self, generation: Generation, position: int) -> None:
        if position > self._positions.get(generation.schema, -1):
            self._positions[generation.schema] = position
            self._tell()

    def _tell(self) -> None:
        self._advanced.set()
        self._advanced = asyncio.Event()

    # --- doing --------------------------------------------------------------------------------

    async def _lead(self) -> None:
        while True:
            connection = None
            try:
                connection = await self._connect("projector")
                if await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
                    self._leads = True
                    await self._work(connection)
            except _AWAY as error:
                _logger.warning("read models are not filled here: %r", error)
            finally:
                self._leads = False
                if connection is not None:
                    connection.terminate()
            await asyncio.sleep(ELECTION_S)

    async def _work(self, connection: asyncpg.Connection) -> None:
        """Fills what this code has a version for, until a generation is retired.

        Raises what the connection with the lock raises when it is lost.
        """
        fillings = [
            Filling(
                self._log,
                self._projections[generation.name],
                generation,
                self._dsn,
                moved=self._moved,
                swapped=self._look.set,
            )
            for generation in await self._generations(connection)
        ]
        tasks = {asyncio.create_task(filling.run()) for filling in fillings}
        try:
            while not any(task.done() for task in tasks):
                await drop_retired(connection)
                await asyncio.sleep(TIDY_S)
        finally:
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)

    async def _generations(self, connection: asyncpg.Connection) -> list[Generation]:
        """Those to fill; new ones where the registry has none of this version."""
        current = [each for each in await generations(connection) if self._is_current(each)]
        missing = self._projections.keys() - {each.name for each in current}
        for name in sorted(missing):
            projection = self._projections[name]
            current.append(await create(connection, name, projection.version, projection.sql))
        return current

    async def _connect(self, purpose: str) -> asyncpg.Connection:
        return await asyncpg.connect(
            self._dsn,
            timeout=CONNECT_S_MAX,
            command_timeout=STATEMENT_S_MAX,
            server_settings={"application_name": f"caselog {purpose}"},
        )
