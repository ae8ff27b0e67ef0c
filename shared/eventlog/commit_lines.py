"""The two connections of a process that commit, each with its one statement prepared."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import asyncpg
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

_APPEND: Final = f"SELECT log.append({', '.join(f'${n}' for n in range(1, 24))})"


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
                await statement.fetchval(*_arguments(group), timeout=ANSWER_S_MAX)
            except BaseException as error:
                meaning = meaning_for_commit(error, group)
                if isinstance(meaning, LINE_IS_LOST):
                    line.drop()
                raise meaning from error
        finally:
            self._idle.put_nowait(line)


def _arguments(group: Group) -> list[Any]:
    head, rows = group.before.head, group.rows
    return [
        head.log,
        head.epoch,
        head.position,
        group.before.leaf,
        group.after.head.sequence,
        group.after.recorded_at,
        group.requests,
        [row.stream for row in rows],
        [row.version for row in rows],
        [row.id for row in rows],
        [row.type for row in rows],
        [row.source for row in rows],
        [row.epoch for row in rows],
        [row.sequence for row in rows],
        [row.entry for row in rows],
        [row.leaf for row in rows],
        *_columns(group.unproven, 3),
        [request for request, _ in group.keys],
        [key.scope for _, key in group.keys],
        [key.key for _, key in group.keys],
        [key.value for _, key in group.keys],
    ]


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[Sequence[Any]]:
    return list(zip(*rows, strict=True)) if rows else [()] * width
