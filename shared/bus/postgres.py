"""What the exchange keeps in a service's database: dead letters, and who does the exchange."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from shared.bus.dead_letters import (
    PAGE_MAX,
    REASON_CHARS_MAX,
    DeadLetter,
    DeadLettersUnavailable,
    Rejected,
    State,
)
from shared.eventlog.postgres_errors import CONNECTION_TROUBLE

LOCK: Final = 7_225_119
"""The session advisory lock that the process in charge of the exchange holds."""
STATEMENT_S: Final = 5.0
TRY_S: Final = 1.0
"""How often a process that waits for the lock tries to take it."""
BEAT_S: Final = 2.0
"""How often the one that has it makes sure that the connection lives."""

_Connection = asyncpg.pool.PoolConnectionProxy
_AWAY: Final = (asyncpg.PostgresError, *CONNECTION_TROUBLE)
_KEEP: Final = """
    INSERT INTO bus.dead_letter AS kept
        (id, digest, received_at, route, headers, body, reason, rule)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (digest) DO UPDATE SET
        times = kept.times + 1,
        reason = excluded.reason,
        rule = excluded.rule,
        state = CASE kept.state WHEN 'retried' THEN 'open' ELSE kept.state END
    RETURNING *
"""
_PAGE: Final = """
    SELECT * FROM bus.dead_letter
    WHERE ($1::uuid IS NULL OR id > $1) AND ($2::text IS NULL OR state = $2)
    ORDER BY id LIMIT $3
"""
_FIND: Final = "SELECT * FROM bus.dead_letter WHERE id = $1"
_SETTLE: Final = """
    UPDATE bus.dead_letter SET state = $2, note = $3, settled_at = $4 WHERE id = $1
    RETURNING *
"""
_OPEN: Final = "SELECT count(*) FROM bus.dead_letter WHERE state = 'open'"

_logger = logging.getLogger(__name__)


class PostgresDeadLetters:
    """``DeadLetters`` in the table ``bus.dead_letter``."""

    def __init__(
        self, pool: asyncpg.Pool, *, clock: Callable[[], datetime], new_id: Callable[[], UUID]
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._new_id = new_id

    async def keep(self, rejected: Rejected) -> DeadLetter:
        found = await self._fetch(
            _KEEP,
            self._new_id(),
            rejected.digest,
            self._clock(),
            _text(rejected.route),
            [_text(part) for header in rejected.headers for part in header],
            rejected.body,
            _text(rejected.reason)[:REASON_CHARS_MAX],
            rejected.rule,
        )
        return found[0]

    async def page(
        self, *, after: UUID | None = None, state: State | None = None, limit: int = PAGE_MAX
    ) -> Sequence[DeadLetter]:
        return await self._fetch(_PAGE, after, state, max(1, min(limit, PAGE_MAX)))

    async def find(self, letter: UUID) -> DeadLetter | None:
        found = await self._fetch(_FIND, letter)
        return found[0] if found else None

    async def settle(self, letter: UUID, state: State, note: str) -> DeadLetter | None:
        note = _text(note)[:REASON_CHARS_MAX]
        found = await self._fetch(_SETTLE, letter, state, note, self._clock())
        return found[0] if found else None

    async def open_count(self) -> int:
        async with self._connection() as connection:
            count: int = await connection.fetchval(_OPEN)
            return count

    async def _fetch(self, statement: str, *arguments: object) -> list[DeadLetter]:
        async with self._connection() as connection:
            rows = await connection.fetch(statement, *arguments)
        return [_letter(row) for row in rows]

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[_Connection]:
        try:
            async with asyncio.timeout(STATEMENT_S), self._pool.acquire() as connection:
                yield connection
        except _AWAY as error:
            raise DeadLettersUnavailable(repr(error)) from error


def _letter(row: asyncpg.Record) -> DeadLetter:
    parts = row["headers"]
    return DeadLetter(
        id=row["id"],
        received_at=row["received_at"],
        route=row["route"],
        headers=tuple(zip(parts[::2], parts[1::2], strict=True)),
        body=row["body"],
        reason=row["reason"],
        rule=row["rule"],
        state=row["state"],
        times=row["times"],
        note=row["note"],
    )


def _text(text: str) -> str:
    """PostgreSQL has no text with NUL, and none with half a surrogate pair."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


class AdvisoryLock:
    """``Election`` by a session advisory lock, on a connection of its own.

    When the connection is lost the server frees the lock, perhaps before this side notices: for a
    moment two processes may both believe that they are in charge, which harms nothing.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: asyncpg.Connection | None = None

    async def won(self) -> None:
        while True:
            try:
                async with asyncio.timeout(STATEMENT_S):
                    if self._connection is None or self._connection.is_closed():
                        self._connection = await asyncpg.connect(self._dsn)
                    taken = await self._connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK)
                if taken:
                    return
            except _AWAY as error:
                _logger.info("no election without the database: %r", error)
            await asyncio.sleep(TRY_S)

    async def lost(self) -> None:
        try:
            while self._connection is not None:
                async with asyncio.timeout(STATEMENT_S):
                    await self._connection.fetchval("SELECT 1")
                await asyncio.sleep(BEAT_S)
        except _AWAY as error:
            _logger.warning("no longer in charge of the exchange: %r", error)
            await self.resign()

    async def resign(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
