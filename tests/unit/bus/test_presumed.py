"""An event that says what its publisher had seen waits for it, and only for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from shared.bus.peer_log import Page
from shared.bus.port import BusUnavailable
from shared.bus.presumed import Presumed
from shared.eventlog.log import EventLog
from shared.eventlog.memory import MemoryStore
from shared.events.codec import Codec
from shared.events.reading import HeadAnnouncement
from shared.hosting.clock import utc_now
from shared.hosting.ids import new_id

SOURCE = "/caselog/eng"
LOG = UUID(int=1)


class Peer:
    """The other service's log: where it ends, how often it was asked, and whether it answers."""

    def __init__(self, position: int, sequence: int, away: int = 0) -> None:
        self.head = HeadAnnouncement(log=LOG, epoch=1, position=position, sequence=sequence)
        self.away = away
        self.asked = 0

    async def published(self, after_sequence: int, limit: int) -> Page:
        self.asked += 1
        if self.asked <= self.away:
            raise BusUnavailable("nobody answers")
        return Page((), self.head)


@pytest.fixture
async def log() -> AsyncIterator[EventLog]:
    store = MemoryStore(source=SOURCE, clock=utc_now, new_id=new_id)
    log = EventLog(store, source=SOURCE, codec=Codec(()), clock=utc_now)
    await log.start()
    yield log
    await log.stop()


async def test_what_is_held_is_not_waited_for(log: EventLog) -> None:
    presumed = Presumed(log, Peer(position=9, sequence=5), lambda: 5)

    assert await presumed.held(9, timeout=0.5)


async def test_what_was_asked_once_is_remembered(log: EventLog) -> None:
    peer = Peer(position=9, sequence=5)
    presumed = Presumed(log, peer, lambda: 5)

    assert all([await presumed.held(position, timeout=0.5) for position in (9, 3, 9)])
    assert peer.asked == 1


async def test_it_waits_until_the_receiver_holds_what_was_published(log: EventLog) -> None:
    received = [2]
    presumed = Presumed(log, Peer(position=9, sequence=5), lambda: received[0])
    waiting = asyncio.create_task(presumed.held(9, timeout=5))
    await asyncio.sleep(0)

    received[0] = 5

    assert await waiting


async def test_what_never_arrives_is_given_up_in_time(log: EventLog) -> None:
    presumed = Presumed(log, Peer(position=9, sequence=5), lambda: 4)

    assert not await presumed.held(9, timeout=0.1)


async def test_a_position_that_the_other_log_has_not_is_not_held(log: EventLog) -> None:
    presumed = Presumed(log, Peer(position=9, sequence=5), lambda: 5)

    assert not await presumed.held(10, timeout=0.5)


async def test_a_broker_that_is_away_for_a_while_is_waited_out(log: EventLog) -> None:
    presumed = Presumed(log, Peer(position=9, sequence=5, away=2), lambda: 5)

    assert await presumed.held(9, timeout=5)


async def test_what_was_known_of_an_epoch_that_ended_counts_no_more(log: EventLog) -> None:
    peer = Peer(position=9, sequence=5)
    epoch = 1
    presumed = Presumed(log, peer, lambda: 5, lambda: epoch)
    assert await presumed.held(9, timeout=0.5)

    epoch = 2
    peer.head = HeadAnnouncement(log=LOG, epoch=2, position=8, sequence=6)

    assert not await presumed.held(8, timeout=0.1)
