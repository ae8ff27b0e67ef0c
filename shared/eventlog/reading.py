"""Borrowing a connection from a pool for reading."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from shared.eventlog.model import LogUnavailable
from shared.eventlog.postgres_errors import meaning_for_read, told_as_log_errors

WAIT_S_MAX: Final = 5.0
"""For a connection to be free, or made."""

_Borrowed = asyncpg.pool.PoolConnectionProxy


@asynccontextmanager
async def connection_of(pool: asyncpg.Pool) -> AsyncIterator[_Borrowed]:
    """A connection for a few statements.

    Raises LogUnavailable when it is lost, and instead of what the body raises then; such a
    connection never goes back to the pool, where it would fail the next one too.
    """
    with told_as_log_errors():
        async with pool.acquire(timeout=WAIT_S_MAX) as connection:
            try:
                yield connection
            except Exception as error:
                if isinstance(meaning_for_read(error), LogUnavailable):
                    connection.terminate()
                raise


async def leave_as_it_is(_: Any) -> None:
    """A pool's ``reset``, for statements that leave nothing behind.

    The default would spend one more round trip each time a connection is given back.
    """
