"""The generations of a read model in PostgreSQL.

Each is a schema of its own, and a row that says how far it has read and whether readers use it.
Nothing here is the truth: a generation that is lost is filled again from the log.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

import asyncpg
from msgspec import Struct

RETIRED_KEPT: Final = timedelta(seconds=60)
"""How long a generation stays after another took its place, for readers who have not noticed."""

_COLUMNS: Final = "name, generation, version, position, live"
ALL: Final = f"SELECT {_COLUMNS} FROM log.projection WHERE retired_at IS NULL"  # noqa: S608
CREATE: Final = f"""
    INSERT INTO log.projection (name, generation, version)
    SELECT $1, coalesce(max(generation), 0) + 1, $2 FROM log.projection WHERE name = $1
    RETURNING {_COLUMNS}"""  # noqa: S608 - no value comes from outside
POSITION: Final = """
    SELECT position FROM log.projection
    WHERE name = $1 AND generation = $2 AND retired_at IS NULL"""
ADVANCE: Final = """
    UPDATE log.projection SET position = $4
    WHERE name = $1 AND generation = $2 AND position = $3 AND retired_at IS NULL"""
RETIRE: Final = """
    UPDATE log.projection SET live = false, retired_at = now()
    WHERE name = $1 AND generation <> $2 AND retired_at IS NULL"""
MAKE_LIVE: Final = "UPDATE log.projection SET live = true WHERE name = $1 AND generation = $2"
RETIRED: Final = (
    "SELECT name, generation FROM log.projection WHERE retired_at < now() - $1::interval"
)
DELETE: Final = "DELETE FROM log.projection WHERE name = $1 AND generation = $2"


class Retired(Exception):
    """The generation is no longer in use: another took its place."""


class Generation(Struct, frozen=True):
    """One filling of a read model's tables: by which version of the code, up to which position."""

    name: str
    number: int
    version: int
    position: int
    live: bool

    @property
    def schema(self) -> str:
        """The PostgreSQL schema that its tables lie in."""
        return f"{self.name}_{self.number}"


async def generations(connection: asyncpg.Connection) -> list[Generation]:
    """All that are live or being filled."""
    return [Generation(*record) for record in await connection.fetch(ALL)]


async def create(connection: asyncpg.Connection, name: str, version: int, sql: str) -> Generation:
    """A new one with empty tables, made by ``sql``."""
    async with connection.transaction():
        record = await connection.fetchrow(CREATE, name, version)
        assert record is not None
        generation = Generation(*record)
        await connection.execute(f'CREATE SCHEMA "{generation.schema}"')
        await connection.execute(f'SET LOCAL search_path = "{generation.schema}"')
        await connection.execute(sql)
    return generation


async def advance(
    connection: asyncpg.Connection, generation: Generation, before: int, after: int
) -> bool:
    """Moves the checkpoint; False if it is not where it was expected: somebody else fills it.

    First in the transaction: a second writer waits here, and then finds out.
    """
    status = await connection.execute(ADVANCE, generation.name, generation.number, before, after)
    return status == "UPDATE 1"


async def position_of(connection: asyncpg.Connection, generation: Generation) -> int:
    """How far it has been filled. Raises Retired."""
    position = await connection.fetchval(POSITION, generation.name, generation.number)
    if position is None:
        raise Retired(generation.schema)
    return int(position)


async def make_live(connection: asyncpg.Connection, generation: Generation) -> None:
    """From now on readers use this one; the tables of the others stay for ``RETIRED_KEPT``."""
    async with connection.transaction():
        await connection.execute(RETIRE, generation.name, generation.number)
        await connection.execute(MAKE_LIVE, generation.name, generation.number)


async def drop_retired(connection: asyncpg.Connection) -> None:
    """Drops what nobody can be reading any more."""
    for name, number in await connection.fetch(RETIRED, RETIRED_KEPT):
        async with connection.transaction():
            await connection.execute(f'DROP SCHEMA IF EXISTS "{name}_{number}" CASCADE')
            await connection.execute(DELETE, name, number)


def search_path(live: Iterable[Generation]) -> str:
    """Where the tables of all these are found without naming their schemas."""
    return ", ".join(f'"{schema}"' for schema in sorted(each.schema for each in live))
