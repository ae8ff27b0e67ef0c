"""Comparing a live read model with what the log folds to, in one snapshot of the database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from shared.eventlog.model import LogHead

LIVE: Final = """
    SELECT generation, position FROM log.projection WHERE name = $1 AND live"""
WAIT_ROUNDS: Final = 100
"""How often a read model is asked whether it has reached the head; 50 ms each."""
ROUND: Final = "SELECT pg_sleep(0.05)"

Fields = tuple[Any, ...]


class NoReadModel(Exception):
    """There is no live generation, it does not reach the head of the log, or it cannot be read."""


@asynccontextmanager
async def snapshot(dsn: str, name: str, head: LogHead) -> AsyncIterator[asyncpg.Connection]:
    """A connection that sees the tables of ``name`` as they are at one moment, at ``head`` or past.

    Raises NoReadModel, also for tables that are gone; OSError, asyncpg.PostgresError.
    """
    connection = await asyncpg.connect(dsn)
    try:
        found = None
        for _ in range(WAIT_ROUNDS):
            found = await connection.fetchrow(LIVE, name)
            if found is not None and found["position"] >= head.position:
                break
            await connection.execute(ROUND)
        else:
            reached = "is not there" if found is None else f"is at {found['position']}"
            raise NoReadModel(f"the read model {name} {reached}, the log at {head.position}")
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.execute(f'SET LOCAL search_path = "{name}_{found["generation"]}"')
            yield connection
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        raise NoReadModel(f"the read model {name} cannot be read: {error}") from error
    finally:
        await connection.close()


def differences(
    what: str,
    names: Sequence[str],
    wanted: Mapping[Any, Fields],
    held: Mapping[Any, Fields],
    beyond: set[Any],
) -> Iterator[str]:
    """What differs, by key; ``names`` are those of the fields.

    ``beyond`` are keys that the log has moved past meanwhile.
    """
    for key in sorted(wanted.keys() | held.keys(), key=str):
        if key in beyond:
            continue
        if key not in held:
            yield f"{what} {key} is missing in the read model"
        elif key not in wanted:
            yield f"{what} {key} is in the read model, and the log does not make it"
        elif wanted[key] != held[key]:
            pairs = zip(names, wanted[key], held[key], strict=False)
            stale = ", ".join(name for name, log, model in pairs if log != model)
            yield f"{what} {key} in the read model is not what the log folds to: {stale}"
