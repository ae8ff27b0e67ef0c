"""Comparing a live read model with what the log folds to, in one snapshot of the database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
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
    """There is no live generation, or it does not reach the head of the log."""


@asynccontextmanager
async def snapshot(dsn: str, name: str, head: LogHead) -> AsyncIterator[asyncpg.Connection]:
    """A connection that sees the tables of ``name`` as they are at one moment, at ``head`` or past.

    Raises NoReadModel.
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
    finally:
        await connection.close()


def differences(
    what: str, wanted: Mapping[Any, Fields], held: Mapping[Any, Fields], beyond: set[Any]
) -> Iterator[str]:
    """What differs, by key; ``beyond`` are keys that the log has moved past meanwhile."""
    for key in sorted(wanted.keys() | held.keys(), key=str):
        if key in beyond:
            continue
        if key not in held:
            yield f"{what} {key} is missing"
        elif key not in wanted:
            yield f"{what} {key} is there, and the log does not make it"
        elif wanted[key] != held[key]:
            yield f"{what} {key} is not what the log folds to"
