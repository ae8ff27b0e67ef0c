"""Compares this process's clock with that of its database, which is mostly another machine's.

A clock that is off changes no order: that is by positions. But what happens gets a wrong time, and
what other systems date by the right one may seem to lie in the future. So it is said.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import asyncpg
import structlog

from shared.eventlog.postgres_errors import CONNECTION_TROUBLE
from shared.hosting.serving import Periodic

EVERY_SECONDS: Final = 5.0
OFF_SECONDS: Final = 5.0
"""More than an answer takes, and more than clocks differ that somebody keeps."""

_AWAY: Final = (asyncpg.PostgresError, *CONNECTION_TROUBLE)
_logger: structlog.stdlib.BoundLogger = structlog.get_logger("clock")


class ClockWatch:
    """A part that asks now and then. Without an answer the last one stands.

    Args:
        ask: What time the database has.
        clock: What time it is here.
    """

    def __init__(
        self, ask: Callable[[], Awaitable[datetime]], clock: Callable[[], datetime]
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._logged = 0.0
        self.ahead = 0.0
        """Seconds that this clock is ahead of the database's; negative if it is behind."""

    @property
    def trouble(self) -> str | None:
        """That the clocks differ, if they do."""
        if abs(self.ahead) < OFF_SECONDS:
            return None
        way = "ahead of" if self.ahead > 0 else "behind"
        return f"this clock is {abs(self.ahead):.0f} s {way} the database's"

    def part(self) -> Periodic:
        """To be started after the database."""
        return Periodic("clock", EVERY_SECONDS, self.look)

    async def look(self) -> None:
        """Compares once."""
        before = self._clock()
        try:
            there = await self._ask()
        except _AWAY:
            return
        after = self._clock()
        self.ahead = (before + (after - before) / 2 - there).total_seconds()
        if abs(self.ahead - self._logged) < OFF_SECONDS:
            return
        self._logged = self.ahead
        if self.trouble is not None:
            _logger.warning(self.trouble)
        else:
            _logger.info("this clock and the database's agree again")
