"""The log in PostgreSQL: two connections that commit, a pool that reads.

A connection pooler that changes the server connection between statements (pgbouncer in transaction
mode) must not stand in between: statements are prepared once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from shared.eventlog.commit_lines import CONNECT_S_MAX, SETTINGS, CommitLines
from shared.eventlog.model import Epoch, LogHead, LogUnavailable, Received, Row, UniqueKey
from shared.eventlog.port import FIRST_EPOCH, Group, Tip
from shared.eventlog.postgres_errors import told_as_log_errors
from shared.eventlog.reading import connection_of, leave_as_it_is
from shared.events.codec import decode_head

READERS_MAX: Final = 4
"""Connections for reading, at most; one is always there."""
FORGOTTEN_AT_ONCE: Final = 5_000
"""Keys freed by one statement."""

_ROW: Final = (
    "position, stream, version, id, type, source, epoch, sequence, entry, leaf, recorded_at"
)
_HEAD: Final = "SELECT log, epoch, position, sequence FROM "
OPEN: Final = _HEAD + "log.open()"
HEAD: Final = _HEAD + "log.head"
TIP: Final = "SELECT log, epoch, position, sequence, leaf, recorded_at FROM log.head"
READ: Final = f"SELECT {_ROW} FROM log.event WHERE position > $1 ORDER BY position LIMIT $2"  # noqa: S608 - no value comes from outside
READ_PUBLISHED: Final = f"""
    SELECT {_ROW} FROM log.event
    WHERE source = $1 AND sequence > $2 ORDER BY sequence, epoch LIMIT $3"""  # noqa: S608
READ_STREAM: Final = f"""
    SELECT {_ROW} FROM log.event WHERE stream = $1 AND position <= $2 ORDER BY version"""  # noqa: S608
# LATERAL: asked for rows of many streams in order of position, the planner might walk the log.
READ_STREAMS: Final = f"""
    SELECT {_ROW} FROM unnest($1::text[]) AS asked (name), LATERAL (
        SELECT {_ROW} FROM log.event WHERE stream = asked.name AND position <= $2 ORDER BY version
    ) AS found ORDER BY position"""  # noqa: S608
FIND: Final = f"SELECT {_ROW} FROM log.event WHERE id = ANY($1)"  # noqa: S608
TAKEN: Final = "SELECT key, value FROM log.key WHERE scope = $1 AND key = ANY($2)"
KEEP: Final = "SELECT log.keep($1, $2, $3)"
FORGET: Final = "SELECT log.forget($1, $2, $3)"
RECEIVED: Final = """
    SELECT epoch, sequence, entry, leaf FROM log.event
    WHERE source = $1 AND sequence IS NOT NULL ORDER BY sequence DESC, epoch DESC LIMIT 1"""
SAID: Final = f"""
    SELECT {_ROW} FROM log.event
    WHERE source = $1 AND sequence = $2 ORDER BY epoch DESC LIMIT 1"""  # noqa: S608
EPOCHS: Final = "SELECT epoch, after FROM log.epoch ORDER BY epoch"
RECEIVED_LEAVES: Final = """
    SELECT sequence, leaf FROM log.event WHERE source = $1 AND epoch = $2 AND sequence = ANY($3)"""
POSITION_AT: Final = "SELECT log.position_at($1)"
NEXT_NUMBER: Final = "SELECT log.next_number($1)"

_EVERYTHING: Final = 2**62


class PostgresStore:
    """Keeps what ``LogStore`` promises, in the schema that ``migrate`` makes.

    Args:
        dsn: the database, as the service's role.
        source: the author whose published rows ``read_published`` reads.
        readers: connections for reading, at most.
    """

    def __init__(self, dsn: str, *, source: str, readers: int = READERS_MAX) -> None:
        self._dsn = dsn
        self._source = source
        self._readers = readers
        self._lines = CommitLines(dsn)
        self._pool: asyncpg.Pool | None = None

    async def open(self) -> LogHead:
        try:
            with told_as_log_errors():
                self._pool = await self._create_pool()
                await self._lines.open()
                (record,) = await self._fetch(OPEN)
        except BaseException:
            await self.close()
            raise
        return LogHead(*record)

    async def _create_pool(self) -> asyncpg.Pool:
        return await asyncpg.create_pool(
            self._dsn,
            min_size=1,
            max_size=self._readers,
            timeout=CONNECT_S_MAX,
            command_timeout=CONNECT_S_MAX * 2,
            reset=leave_as_it_is,
            server_settings={**SETTINGS, "application_name": "caselog read"},
        )

    async def close(self) -> None:
        await self._lines.close()
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def head(self) -> LogHead:
        (record,) = await self._fetch(HEAD)
        return LogHead(*record)

    async def tip(self) -> Tip:
        (record,) = await self._fetch(TIP)
        *head, leaf, recorded_at = record
        return Tip(LogHead(*head), leaf, recorded_at)

    async def commit(self, group: Group) -> None:
        await self._lines.commit(group)

    async def read(self, after: int, limit: int) -> Sequence[Row]:
        return await self._rows(READ, after, limit)

    async def read_published(self, after_sequence: int, limit: int) -> Sequence[Row]:
        return await self._rows(READ_PUBLISHED, self._source, after_sequence, limit)

    async def read_streams(self, streams: Sequence[str], upto: int | None = None) -> Sequence[Row]:
        last = _EVERYTHING if upto is None else upto
        if len(streams) == 1:
            return await self._rows(READ_STREAM, streams[0], last)
        return await self._rows(READ_STREAMS, list(dict.fromkeys(streams)), last)

    async def find(self, ids: Sequence[UUID]) -> Mapping[UUID, Row]:
        return {row.id: row for row in await self._rows(FIND, ids)} if ids else {}

    async def taken(self, scope: str, keys: Sequence[str]) -> Mapping[str, str]:
        return {record[0]: record[1] for record in await self._fetch(TAKEN, scope, keys)}

    async def keep(self, keys: Sequence[UniqueKey]) -> None:
        columns = zip(*[(key.scope, key.key, key.value) for key in keys], strict=True)
        if keys:
            await self._fetch(KEEP, *columns)

    async def forget(self, scope: str, before: datetime) -> int:
        total = freed = await self._forget(scope, before)
        while freed == FORGOTTEN_AT_ONCE:
            freed = await self._forget(scope, before)
            total += freed
        return total

    async def received(self, source: str) -> Received | None:
        for epoch, sequence, entry, leaf in await self._fetch(RECEIVED, source):
            return Received(decode_head(entry).log, epoch, sequence, leaf)
        return None

    async def said(self, source: str, sequence: int) -> Row | None:
        return next(iter(await self._rows(SAID, source, sequence)), None)

    async def epochs(self) -> Sequence[Epoch]:
        return (FIRST_EPOCH, *[Epoch(*record) for record in await self._fetch(EPOCHS)])

    async def received_leaves(
        self, source: str, epoch: int, sequences: Sequence[int]
    ) -> Mapping[int, bytes]:
        records = await self._fetch(RECEIVED_LEAVES, source, epoch, sequences)
        return {record[0]: record[1] for record in records}

    async def position_at(self, moment: datetime) -> int:
        ((position,),) = await self._fetch(POSITION_AT, moment)
        return int(position)

    async def next_number(self, prefix: str) -> int:
        ((number,),) = await self._fetch(NEXT_NUMBER, prefix)
        return int(number)

    async def _forget(self, scope: str, before: datetime) -> int:
        ((freed,),) = await self._fetch(FORGET, scope, before, FORGOTTEN_AT_ONCE)
        return int(freed)

    async def _rows(self, query: str, *arguments: Any) -> list[Row]:
        return [Row(*record) for record in await self._fetch(query, *arguments)]

    async def _fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """Raises LogUnavailable. A connection that died while it lay idle costs one more try."""
        if self._pool is None:
            raise LogUnavailable("the log is not open")
        try:
            async with connection_of(self._pool) as connection:
                return await connection.fetch(query, *arguments)
        except LogUnavailable:
            async with connection_of(self._pool) as connection:
                return await connection.fetch(query, *arguments)
