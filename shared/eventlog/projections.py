"""Read models: folds of the log into tables, with a checkpoint in the same transaction.

A *projection* says which tables there are and how a batch of rows changes them. Its tables lie in a
*generation*, a PostgreSQL schema ``<name>_<number>``; ``Filling`` keeps one generation filled.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import asyncpg

from shared.eventlog.commit_lines import CONNECT_S_MAX
from shared.eventlog.generations import (
    Generation,
    Retired,
    advance,
    make_live,
    position_of,
    search_path,
)
from shared.eventlog.log import EventLog
from shared.eventlog.model import LogUnavailable, Row
from shared.eventlog.postgres_errors import meaning_for_read

BATCH_ROWS_MAX: Final = 5_000
BATCH_BYTES_AIM: Final = 16 * 1024 * 1024
"""Of entries, judged by the batch before."""
STATEMENT_S_MAX: Final = 60.0
PAUSE_S_MAX: Final = 5.0
"""Between two tries of a projection that fails."""
_PAUSE_S: Final = 0.1

_logger = logging.getLogger(__name__)


class Projection(Protocol):
    """A fold of the log into tables."""

    @property
    def name(self) -> str:
        """``[a-z][a-z0-9_]{0,40}``."""

    @property
    def version(self) -> int:
        """Of the tables and the fold: another one, and the tables are filled anew."""

    @property
    def sql(self) -> str:
        """Creates the tables, without naming a schema. No two projections share a table's name."""

    async def apply(self, connection: asyncpg.Connection, rows: Sequence[Row]) -> None:
        """Takes in the next rows of the log, writing each row of a table that they touch once.

        Runs in the transaction that moves the checkpoint, with the tables on the search path. It is
        run again with the same rows if that transaction fails.
        """


class Filling:
    """Keeps one generation filled, for as long as ``run`` is not cancelled.

    Args:
        log: what is folded.
        projection: how.
        generation: where to; made live when it has caught up.
        dsn: the database, as the service's role.
        moved: told the position after each batch.
        swapped: told when the generation has become live.
    """

    def __init__(
        self,
        log: EventLog,
        projection: Projection,
        generation: Generation,
        dsn: str,
        *,
        moved: Callable[[Generation, int], None],
        swapped: Callable[[], None],
    ) -> None:
        self._log = log
        self._projection = projection
        self._generation = generation
        self._live = generation.live
        self._dsn = dsn
        self._moved = moved
        self._swapped = swapped
        self._position = generation.position
        self._limit = 1_000
        self._pause = _PAUSE_S

    async def run(self) -> None:
        """Returns when the generation is retired. What goes wrong is logged and tried again."""
        while True:
            try:
                connection = await self._connect()
                try:
                    await self._follow(connection)
                finally:
                    connection.terminate()
            except Retired:
                return
            except Exception as error:  # noqa: BLE001 - one failing projection is no other's affair
                self._log_failure(error)
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 2, PAUSE_S_MAX)

    async def _connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(
            self._dsn,
            timeout=CONNECT_S_MAX,
            command_timeout=STATEMENT_S_MAX,
            server_settings={
                "application_name": f"caselog {self._generation.schema}",
                "search_path": search_path([self._generation]),
                "jit": "off",
            },
        )

    async def _follow(self, connection: asyncpg.Connection) -> None:
        self._position = await position_of(connection, self._generation)
        while True:
            rows = await self._log.store.read(self._position, self._limit)
            if rows:
                await self._take_in(connection, rows)
                self._pause = _PAUSE_S
                continue
            if not self._live:
                await make_live(connection, self._generation)
                self._live = True
                self._swapped()
            await self._log.changed(self._position)

    async def _take_in(self, connection: asyncpg.Connection, rows: Sequence[Row]) -> None:
        last = rows[-1].position
        async with connection.transaction():
            moved = await advance(connection, self._generation, self._position, last)
            if moved:
                await self._projection.apply(connection, rows)
        # Somebody else's step is as good: go on from there.
        self._position = last if moved else await position_of(connection, self._generation)
        self._moved(self._generation, self._position)
        size = sum(len(row.entry) for row in rows) // len(rows) + 1
        self._limit = max(1, min(BATCH_ROWS_MAX, BATCH_BYTES_AIM // size))

    def _log_failure(self, error: Exception) -> None:
        about = {"generation": self._generation.schema, "position": self._position}
        if isinstance(meaning_for_read(error), LogUnavailable):
            _logger.warning("the database is away: %r", error, extra=about)
        else:
            _logger.error("a projection failed; it is tried again", exc_info=error, extra=about)
