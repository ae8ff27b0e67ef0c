"""The floor of appending: a bare group-commit loop of ``INSERT … SELECT … unnest`` under one lock.

No entry is made, no hash taken, no head checked, no request told apart from another: text goes into
a table of six columns with the two indexes that a log cannot do without. Positions come from a
sequence, inside the lock.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

TABLE: Final = """
    CREATE TABLE IF NOT EXISTS bare_log (
        pos bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stream text NOT NULL,
        version integer NOT NULL, type text NOT NULL, data text NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(), UNIQUE (stream, version))
"""
INSERT: Final = """
    WITH locked AS MATERIALIZED (SELECT pg_advisory_xact_lock(1))
    INSERT INTO bare_log (stream, version, type, data)
    SELECT u.stream, u.version, u.type, u.data
    FROM locked, unnest($1::text[], $2::integer[], $3::text[], $4::text[])
        WITH ORDINALITY AS u (stream, version, type, data, n)
    ORDER BY n ON CONFLICT (stream, version) DO NOTHING RETURNING pos, stream, version
"""

Item = tuple[str, int, str, str]


class BareAppender:
    """Takes what waits when a statement returns; ``in_flight`` statements at once."""

    def __init__(self, dsn: str, *, in_flight: int, group_max: int) -> None:
        self._dsn = dsn
        self._in_flight = in_flight
        self._group_max = group_max
        self._waiting: list[tuple[Item, asyncio.Future[int]]] = []
        self._arrived = asyncio.Event()
        self._connections: list[asyncpg.Connection] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        for _ in range(self._in_flight):
            connection = await asyncpg.connect(self._dsn)
            self._connections.append(connection)
            if len(self._connections) == 1:
                await connection.execute(TABLE)
            statement = await connection.prepare(INSERT)
            self._tasks.append(asyncio.create_task(self._run(statement)))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        for connection in self._connections:
            await connection.close()

    def append(self, item: Item) -> asyncio.Future[int]:
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        self._arrived.set()
        return done

    async def _run(self, statement: PreparedStatement[Any]) -> None:
        while True:
            while not self._waiting:
                self._arrived.clear()
                await self._arrived.wait()
            group, self._waiting = (
                self._waiting[: self._group_max],
                self._waiting[self._group_max :],
            )
            records = await statement.fetch(*zip(*[item for item, _ in group], strict=True))
            positions = {(stream, version): pos for pos, stream, version in records}
            for (stream, version, _, _), done in group:
                done.set_result(positions[stream, version])
