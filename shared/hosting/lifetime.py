"""When a service ends, and why: one object that all its parts watch."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import Final

import structlog

FAILED: Final = 70
"""The exit code of a service whose part failed for good (EX_SOFTWARE): start it again."""

_logger: structlog.stdlib.BoundLogger = structlog.get_logger("lifetime")


class Lifetime:
    """Begins to end once: on a signal, or because a part cannot go on."""

    def __init__(self) -> None:
        self._over = asyncio.Event()
        self.exit_code = 0

    @property
    def ending(self) -> bool:
        return self._over.is_set()

    def end(self, reason: str) -> None:
        """Ends in good order; a second call changes nothing."""
        if not self.ending:
            _logger.info("stopping", reason=reason)
            self._over.set()

    def fail(self, reason: str) -> None:
        """Ends in good order too, but so that whoever watches the process starts it again."""
        if not self.ending:
            _logger.error("stopping", reason=reason)
            self.exit_code = FAILED
            self._over.set()

    async def over(self) -> None:
        """Returns when the service begins to end."""
        await self._over.wait()

    def end_on_signals(self) -> None:
        """SIGTERM and SIGINT end in good order; the second one at once."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with suppress(NotImplementedError):  # Windows has no such handlers
                loop.add_signal_handler(number, self._signalled, number)

    def _signalled(self, number: signal.Signals) -> None:
        if self.ending:
            os._exit(128 + number)
        self.end(number.name)
