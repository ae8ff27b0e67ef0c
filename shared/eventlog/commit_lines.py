"""The two connections of a process that commit, each with its one statement prepared."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import asyncpg
import msgspec
from asyncpg.prepared_stmt import PreparedStatement

from shared.eventlog.model import LogUnavailable
from shared.eventlog.port import Group, OutcomeUnknown
from shared.eventlog.postgres_errors import CONNECTION_TROUBLE, meaning_for_commit

LINES: Final = 2
CONNECT_S_MAX: Final = 5.0
STATEMENT_S_MAX: Final = 10.0
"""The server gives up an append after this long, and then nothing was written."""
ANSWER_S_MAX: Final = 15.0
"""Without an answer for this long, a connection is taken for lost."""

SETTINGS: Final = {
    "statement_timeout": f"{STATEMENT_S_MAX:.0f}s",
    "idle_in_transaction_session_timeout": "30s",
    "jit": "off",  # the statements are short
}

LINE_IS_LOST: Final = (OutcomeUnknown, LogUnavailable, asyncio.CancelledError)
"""After these a connection is made anew; another server may be the right one by then."""

# What asyncpg encodes slowly, element by element, travels as one text and becomes an array here.
_APPEND: Final = """
    SELECT log.append(
        $1, $2, $3, $4, $5, $6,
        string_to_array($7, E'\\x1f'), $8::text::integer[], $9, string_to_array($10, E'\\x1f'),
        $11, $12, $13::text::bigint[], $14, $15, $16::json, $17::json)"""
_BEGIN_EPOCH: Final = "SELECT log.begin_epoch($1, $2, $3, $4, $5)"
_BETWEEN: Final = "\x1f"  # not printable, so in no name


class _Line:
    """One connection; made when it is needed, made anew when it is lost."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: asyncpg.Connection | None = None
        self._statement: PreparedStatement[Any] | None = None

    async def ready(self) -> PreparedStatement[Any]:
        """The prepared statement. Raises LogUnavailable: nothing was sent."""
        if self._statement is not None and self._connection is not None:
            if not self._connection.is_closed():
                return self._statement
            self._connection = None
        try:
            self._connection = await asyncpg.connect(
                self._dsn,
                timeout=CONNECT_S_MAX,
                server_settings={**SETTINGS, "application_name": "caselog append"},
            )
            self._statement = await self._connection.prepare(_APPEND)
        except (asyncpg.PostgresError, *CONNECTION_TROUBLE) as error:
            raise LogUnavailable(str(error)) from error
        return self._statement

    async def append(self, statement: PreparedStatement[Any], group: Group) -> None:
        """Raises what PostgreSQL raises."""
        if group.after.head.epoch == group.before.head.epoch:
            await statement.fetchval(*_arguments(group), timeout=ANSWER_S_MAX)
            return
        head, after = group.before.head, group.after.head
        tip = (head.log, head.epoch, head.position, group.before.leaf)
        assert self._connection is not None
        async with self._connection.transaction():
            await self._connection.execute(_BEGIN_EPOCH, *tip, after.epoch, timeout=ANSWER_S_MAX)
            await statement.fetchval(*_arguments(group), timeout=ANSWER_S_MAX)

    def drop(self) -> None:
        """Whatever the server is doing for it, it may go on doing."""
        if self._connection is not None:
            self._connection.terminate()
        self._connection = self._statement = None

    async def close(self) -> None:
        connection, self._connection, self._statement = self._connection, None, None
        if connection is not None and not connection.is_closed():
            await connection.close(timeout=CONNECT_S_MAX)


class CommitLines:
    """Sends groups, two at a time, each over a connection of its own."""

    def __init__(self, dsn: str) -> None:
        self._lines = [_Line(dsn) for _ in range(LINES)]
        self._idle: asyncio.LifoQueue[_Line] = asyncio.LifoQueue()
        for line in self._lines:
            self._idle.put_nowait(line)

    async def open(self) -> None:
        """Connects, so that the first append need not. Raises LogUnavailable."""
        for line in self._lines:
            await line.ready()

    async def close(self) -> None:
        for line in self._lines:
            await line.close()

    async def commit(self, group: Group) -> None:
        """Raises StaleHead, GroupRefused, OutcomeUnknown, LogUnavailable."""
        line = await self._idle.get()
        try:
            statement = await line.ready()
            try:
                await line.append(statement, group)
            except BaseException as error:
                meaning = meaning_for_commit(error, group)
                if isinstance(meaning, LINE_IS_LOST):
                    line.drop()
                raise meaning from error
        finally:
            self._idle.put_nowait(line)


def _arguments(group: Group) -> list[Any]:
    head, rows = group.before.head, group.rows
    first = rows[0]
    if any(row.source != first.source or row.epoch != first.epoch for row in rows):
        sources, epochs = [row.source for row in rows], [row.epoch for row in rows]
    else:  # the rule: one author; the missing ones are as the first
        sources, epochs = [first.source], [first.epoch]
    return [
        head.log,
        group.after.head.epoch,
        head.position,
        group.before.leaf,
        group.after.head.sequence,
        group.after.recorded_at,
        _BETWEEN.join([row.stream for row in rows]),
        _array([row.version for row in rows]),
        [row.id for row in rows],
        _BETWEEN.join([row.type for row in rows]),
        sources,
        epochs,
        _array([row.sequence or "NULL" for row in rows]),
        [row.entry for row in rows],
        b"".join([row.leaf for row in rows]),
        _json(group.unproven),
        _json([(request, key.scope, key.key, key.value) for request, key in group.keys]),
    ]


def _array(numbers: list[Any]) -> str:
    return f"{{{','.join(map(str, numbers))}}}"


def _json(rows: Sequence[tuple[Any, ...]]) -> str | None:
    return msgspec.json.encode(rows).decode() if rows else None
