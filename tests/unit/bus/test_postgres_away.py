"""Whatever a connection raises that breaks at the wrong moment: the database is away, no more."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import asyncpg
import pytest

from shared.bus.dead_letters import DeadLettersUnavailable
from shared.bus.postgres import PostgresDeadLetters
from shared.hosting.clock import utc_now
from shared.hosting.ids import new_id


class BrokenPool:
    """Its connections answer, and break as they are given back."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def acquire(self) -> BrokenPool:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        raise self._error

    async def fetchval(self, _: str) -> int:
        return 0


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InternalClientError("cannot switch to state 12; another operation is in progress"),
        asyncpg.InterfaceError("connection is closed"),
        ConnectionResetError("unexpected connection_lost() call"),
        TimeoutError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_connection_that_breaks_while_it_is_given_back(error: Exception) -> None:
    pool: Any = BrokenPool(error)
    letters = PostgresDeadLetters(pool, clock=utc_now, new_id=new_id)

    with pytest.raises(DeadLettersUnavailable):
        await letters.open_count()
