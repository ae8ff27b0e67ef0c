"""Before a service takes anything, it asks whether its log is the one that it had.

A log whose database was restored from a backup does not look so from within. Until it was compared
with what the other service and its own stream hold of it, it takes no command, hears nothing and
publishes nothing; and again as soon as the other says that it holds more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from shared.bus.comparing import (
    Diverged,
    InStep,
    Ours,
    Restored,
    Said,
    Theirs,
    Unknown,
    Verdict,
    compare,
)
from shared.bus.entries import Author, NotAuthentic, read_entry
from shared.bus.hello import HelloReply, event_of, hello
from shared.bus.peer_log import Peer
from shared.bus.port import Bus, BusError
from shared.bus.recovery import Recovery
from shared.eventlog.groups import leaf_hash
from shared.eventlog.log import EventLog
from shared.eventlog.model import AppendUnsettled, LogUnavailable
from shared.events.reading import Announcement

AGAIN_S: Final = (0.1, 2.0)
"""Seconds until it is tried again while it cannot be told: at first, and at most."""
NOT_COMPARED: Final = "nothing was written: the log has not been compared with the other service's"
RECOVERING: Final = (
    "nothing was written: the database is an older backup; what was published since is being "
    "recovered from the other service"
)

_logger = logging.getLogger(__name__)


class Handshake:
    """Compares this log with what is known of it elsewhere, and lets the service begin.

    Args:
        log: this service's log.
        own: this service, as the author of its events.
        author: the other one.
        bus: where the service's own stream is.
        peer: the other side.
        recovery: makes a restored log whole.
        leads: whether this process is in charge of the exchange.
    """

    def __init__(
        self,
        *,
        log: EventLog,
        own: Author,
        author: Author,
        bus: Bus,
        peer: Peer,
        recovery: Recovery,
        leads: Callable[[], bool],
    ) -> None:
        self._log = log
        self._own = own
        self._author = author
        self._bus = bus
        self._peer = peer
        self._recovery = recovery
        self._leads = leads
        self._asked = asyncio.Event()
        self._changed = asyncio.Event()
        self._greeted = False
        self._passed = False
        self._reason: str | None = None
        self.received = 0
        """How much is held of the other side, as said last."""
        self.alarm: str | None = None
        """Why nothing goes on until somebody has looked; None if nothing stands in the way."""
        self.restored = False
        """Whether the log is being recovered, as far as this process knows."""

    @property
    def passed(self) -> bool:
        """Whether the log was compared and is whole."""
        return self._passed

    def begin(self) -> None:
        """Nothing is taken before it was compared."""
        self._log.refuse(NOT_COMPARED)

    def look_again(self) -> None:
        """Something was heard that may be news."""
        self._asked.set()

    def heard(self, head: Announcement) -> None:
        """The other service is there; does it hold more of this log than there is?"""
        if not self._greeted or head.received > self._log.head.sequence:
            self.look_again()

    async def until(self, *, passed: bool) -> None:
        """Returns once the service may go on, or may no longer."""
        while self._passed is not passed:
            await self._changed.wait()

    async def run(self) -> None:
        """Compares at once, and whenever there is a reason to."""
        pause = AGAIN_S[0]
        while True:
            self._asked.clear()
            try:
                certain = await self._look()
            except (BusError, LogUnavailable, AppendUnsettled) as error:
                if not self._passed:
                    _logger.info("not compared: %s", error)
                certain = self._passed
            if certain:
                pause = AGAIN_S[0]
                await self._asked.wait()
            else:
                try:
                    async with asyncio.timeout(pause):
                        await self._asked.wait()
                except TimeoutError:
                    pass
                pause = min(pause * 2, AGAIN_S[1])

    async def _look(self) -> bool:
        """Whether there is nothing more to find out now. Raises what recovering raises."""
        verdict = await self._verdict()
        under_way = isinstance(verdict, InStep | Restored) and await self._recovery.is_under_way()
        match verdict:
            case InStep() if not under_way:
                self._pass()
                return True
            case InStep() | Restored():
                await self._recover(verdict)
            case Diverged(reason):
                self._stop(f"nothing was written: {reason}", alarm=reason)
            case Unknown(reason):
                self._stop(f"nothing was written: {reason}")
        return False

    async def _recover(self, verdict: InStep | Restored) -> None:
        self.restored = True
        self._stop(RECOVERING)
        if self._leads():
            said = verdict.said if isinstance(verdict, Restored) else 0
            await self._recovery.run(said)
            self.look_again()

    def _pass(self) -> None:
        if not self._passed:
            _logger.info("the log is whole, as far as the other service and the stream know")
        self.alarm, self.restored, self._reason = None, False, None
        self._log.allow()
        self._set(passed=True)

    def _stop(self, reason: str, *, alarm: str | None = None) -> None:
        if reason != self._reason:
            _logger.critical("%s", reason)
        self._reason = reason
        self.alarm = alarm
        self._log.refuse(reason)
        self._set(passed=False)

    def _set(self, *, passed: bool) -> None:
        self._passed = passed
        self._changed.set()
        self._changed = asyncio.Event()

    # --- what is known ------------------------------------------------------------------------

    async def _verdict(self) -> Verdict:
        asked = await hello(self._log, self._author.source)
        self.received = 0 if asked.holds is None else asked.holds.sequence
        try:
            reply = await self._peer.hello(asked)
        except BusError as error:
            _logger.info("%s cannot be asked: %s", self._author.service, error)
            reply = None
        self._greeted = reply is not None
        stream = await self._end_of_stream()
        theirs = None if reply is None else _theirs(reply)
        numbers = {asked.head.sequence}
        numbers |= {said.sequence for said in (stream, theirs and theirs.holds) if said}
        # Last of all this log itself: so it is not behind what the others said of it.
        head = await self._log.store.head()
        said: dict[int, Said] = {}
        for number in numbers:
            row = await self._log.store.said(self._log.source, number)
            event = event_of(head.log, row)
            if event is not None:
                said[number] = event.said()
        return compare(Ours(head, said), theirs, stream)

    async def _end_of_stream(self) -> Said | None:
        last = await self._bus.last(self._own.stream)
        if last is None:
            return None
        try:
            found = read_entry(self._own, last)
        except NotAuthentic:
            _logger.warning("the last message of %s is not ours", self._own.stream)
            return None
        return Said(found.log, found.event.epoch, found.sequence, leaf_hash(last))


def _theirs(reply: HelloReply) -> Theirs:
    return Theirs(
        holds=None if reply.holds is None else reply.holds.said(),
        at_our_end=None if reply.at_your_end is None else reply.at_your_end.said(),
        heard=reply.heard,
    )
