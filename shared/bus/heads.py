"""Once a second each service says how far its log has come, and how much it has of the other's.

So a lost tail shows on an idle system, and the other's relay sees what has really arrived. An
announcement is a hint: it may be lost, old, or not the author's. Nothing is stored because of one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import msgspec

from shared.bus.port import Bus, BusUnavailable
from shared.eventlog.model import LogHead
from shared.events import subjects
from shared.events.intake import Service
from shared.events.reading import Announcement, HeadAnnouncement

EVERY_S: Final = 1.0

_logger = logging.getLogger(__name__)


_decoder: Final = msgspec.json.Decoder(Announcement)


def announcement(head: LogHead) -> HeadAnnouncement:
    """The public form of a log's head."""
    return HeadAnnouncement(
        log=head.log, epoch=head.epoch, position=head.position, sequence=head.sequence
    )


class Announcer:
    """Says this service's head, every second and for ever."""

    def __init__(
        self,
        bus: Bus,
        service: Service,
        head: Callable[[], LogHead],
        received: Callable[[], int],
    ) -> None:
        self._bus = bus
        self._subject = subjects.head(service)
        self._head = head
        self._received = received

    async def run(self) -> None:
        while True:
            head = self._head()
            said = Announcement(
                log=head.log,
                epoch=head.epoch,
                position=head.position,
                sequence=head.sequence,
                received=self._received(),
            )
            try:
                await self._bus.announce(self._subject, msgspec.json.encode(said))
            except BusUnavailable as error:
                _logger.debug("not announced: %s", error)
            await asyncio.sleep(EVERY_S)


class PeerHead:
    """The other service's head as last heard; ``heard_at`` is in seconds of the loop's clock."""

    def __init__(self, bus: Bus, service: Service) -> None:
        self._bus = bus
        self._subject = subjects.head(service)
        self._listeners: list[Callable[[Announcement], None]] = []
        self.latest: Announcement | None = None
        self.heard_at = 0.0
        self.garbage = 0
        """Announcements that could not be read."""

    def on_news(self, listener: Callable[[Announcement], None]) -> None:
        """Calls back with each announcement; must be quick."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Listens until it is cancelled. Raises BusUnavailable if it cannot begin."""
        async with self._bus.listen(self._subject, self._heard):
            await asyncio.get_running_loop().create_future()

    async def _heard(self, body: bytes) -> None:
        try:
            head = _decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self.garbage += 1
            return
        self.latest = head
        self.heard_at = asyncio.get_running_loop().time()
        for listener in self._listeners:
            listener(head)
