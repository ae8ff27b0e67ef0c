"""The log itself as something to read from: it is never behind itself."""

from __future__ import annotations

from shared.eventlog.log import EventLog


class OfTheLog:
    """A ``ReadModel`` for what is folded from the log when it is asked for."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    @property
    def position(self) -> int:
        return self._log.head.position

    async def wait_for(self, position: int, timeout: float) -> bool:
        return await self._log.wait_for(position, timeout)
