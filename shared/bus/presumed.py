"""Waiting until this log holds what a publisher had already seen of the other service.

Whoever publishes to both services in turn tells the second what it saw of the first (a position
that a receipt named). Without that the second might decide before the first's events have arrived.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from shared.bus.peer_log import PeerLog
from shared.bus.port import BusUnavailable
from shared.eventlog.log import EventLog

LOOK_S: Final = 0.02
"""How often a waiter looks by itself."""
AGAIN_S: Final = 0.2
"""After how long the other service is asked again if it could not be."""


class Presumed:
    """Knows up to which position of the other's log everything published has arrived here.

    Args:
        log: This service's log.
        peer: The other's, by request.
        received: The last sequence of the other that is held here.
        identity: Which log the other's is, and which epoch of it: in another one, positions mean
            other events.
    """

    def __init__(
        self,
        log: EventLog,
        peer: PeerLog,
        received: Callable[[], int],
        identity: Callable[[], object] = lambda: None,
    ) -> None:
        self._log = log
        self._peer = peer
        self._received = received
        self._identity = identity
        self._of = identity()
        self._position = 0
        self._sequence = 0

    async def held(self, position: int, timeout: float) -> bool:
        """Whether all that the other published up to ``position`` is held within ``timeout`` s."""
        try:
            async with asyncio.timeout(timeout):
                while True:
                    try:
                        return await self._held(position)
                    except BusUnavailable:  # the broker or the other service is away: for how long?
                        await asyncio.sleep(AGAIN_S)
        except TimeoutError:
            return False

    async def _held(self, position: int) -> bool:
        if self._of != self._identity():
            self._of, self._position, self._sequence = self._identity(), 0, 0
        if position > self._position:
            head = (await self._peer.published(self._received(), 1)).head
            if head.position < position:
                return False
            if head.position > self._position:
                self._position, self._sequence = head.position, head.sequence
        # What is known now may lie behind what was asked: it is sooner there than asking again.
        sequence = self._sequence
        while self._received() < sequence:
            # The log may have moved just before the receiver says so: do not wait for a next move.
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._log.changed(self._log.head.position)
        return True
