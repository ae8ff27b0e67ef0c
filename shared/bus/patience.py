"""Trying again for as long as the database, the broker or the other service is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from shared.bus.dead_letters import DeadLettersUnavailable
from shared.bus.port import BusError
from shared.eventlog.model import AppendUnsettled, LogUnavailable

PAUSE_S: Final = (0.05, 2.0)
"""Seconds between two tries: at first, and at most."""
AWAY: Final = (LogUnavailable, AppendUnsettled, DeadLettersUnavailable, BusError)
"""What passes by itself."""

T = TypeVar("T")

_logger = logging.getLogger(__name__)


class Patience:
    """Waits out what passes by itself.

    Args:
        what: what it is that waits, for the log.
        waiting: awaited before each pause, so that the broker can be told that work goes on.
    """

    def __init__(self, what: str, waiting: Callable[[], Awaitable[None]] | None = None) -> None:
        self._what = what
        self._waiting = waiting
        self.last_error: str | None = None
        """Why it waits; None while it does not."""

    async def __call__(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """What the attempt that succeeds returns. Raises what does not pass by itself."""
        tries = 0
        while True:
            try:
                result = await attempt()
            except AWAY as error:
                tries += 1
                await self.pause(error, tries)
            else:
                self.last_error = None
                return result

    async def pause(self, error: Exception, tries: int) -> None:
        """Waits a while, longer after more tries."""
        self.last_error = str(error)
        _logger.info("%s waits: %s", self._what, error)
        if self._waiting is not None:
            await self._waiting()
        await asyncio.sleep(min(PAUSE_S[0] * 2 ** min(tries - 1, 10), PAUSE_S[1]))
