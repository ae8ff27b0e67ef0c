"""Waiting for a stream that this log does not hold yet, instead of racing with it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from shared.eventlog.log import EventLog
from shared.eventlog.model import Row

LOOK_S: Final = 0.25
"""How often a waiter looks by itself: another process may have written the stream."""

T = TypeVar("T")


class Arrivals:
    """Wakes those who wait for a stream as soon as this process commits a row of it."""

    def __init__(self, log: EventLog) -> None:
        self._waiting: defaultdict[str, dict[asyncio.Event, None]] = defaultdict(dict)
        log.on_commit(self._committed)

    async def until(
        self, stream: str, look: Callable[[], Awaitable[T | None]], timeout: float
    ) -> T | None:
        """What ``look`` finds, as soon as it does; None if ``timeout`` seconds pass without."""
        found = await look()
        if found is not None or timeout <= 0:  # the rule: it is there
            return found
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        arrived = asyncio.Event()
        self._waiting[stream][arrived] = None  # in the order they came
        try:
            while (found := await look()) is None and (left := deadline - loop.time()) > 0:
                try:
                    async with asyncio.timeout(min(left, LOOK_S)):
                        await arrived.wait()
                except TimeoutError:
                    pass
                arrived.clear()
            return found
        finally:
            self._waiting[stream].pop(arrived)
            if not self._waiting[stream]:
                del self._waiting[stream]

    def _committed(self, rows: Sequence[Row]) -> None:
        if self._waiting:
            for row in rows:
                for arrived in self._waiting.get(row.stream, ()):
                    arrived.set()
