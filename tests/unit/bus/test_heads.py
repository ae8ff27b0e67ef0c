"""How far each log has come is said every second, whatever becomes of it, and heard by who asks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast
from uuid import UUID

import msgspec
import pytest

from shared.bus.heads import Announcer, PeerHead
from shared.bus.port import Bus, BusUnavailable
from shared.eventlog.model import LogHead
from shared.events import subjects
from shared.events.reading import Announcement

HEAD = LogHead(UUID(int=1), 2, 9, 4)
SAID = Announcement(log=UUID(int=1), epoch=2, position=9, sequence=4, received=7)


class Said:
    """The part of a bus that carries announcements; it is away for the first."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Announcement]] = []
        self.tries = 0
        self.twice = asyncio.Event()

    async def announce(self, subject: str, body: bytes) -> None:
        self.tries += 1
        if self.tries == 1:
            raise BusUnavailable("away")
        self.said.append((subject, msgspec.json.decode(body, type=Announcement)))
        if len(self.said) == 2:
            self.twice.set()

    @asynccontextmanager
    async def listen(
        self, subject: str, hear: Callable[[bytes], Awaitable[None]]
    ) -> AsyncIterator[None]:
        await hear(msgspec.json.encode(SAID))
        await hear(b"{")
        self.said.append((subject, SAID))
        self.twice.set()
        yield


async def test_a_head_is_said_again_and_again_also_when_it_could_not_be(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bus = Said()
    announcer = Announcer(cast("Bus", bus), "ops", lambda: HEAD, lambda: 7)
    with caplog.at_level(logging.DEBUG, "shared.bus.heads"):
        running = asyncio.create_task(announcer.run())
        await bus.twice.wait()
    running.cancel()

    assert bus.said == [(subjects.head("ops"), SAID)] * 2
    assert [record.message for record in caplog.records] == ["not announced: away"]


async def test_a_head_that_is_heard_is_told_and_garbage_is_counted() -> None:
    bus, loop = Said(), asyncio.get_running_loop()
    heard: list[Announcement] = []
    peer = PeerHead(cast("Bus", bus), "eng")
    peer.on_news(heard.append)
    assert (peer.latest, peer.heard_at, peer.garbage) == (None, 0.0, 0)
    before = loop.time()

    running = asyncio.create_task(peer.run())
    await bus.twice.wait()
    running.cancel()

    assert heard == [SAID]
    assert (peer.latest, peer.garbage) == (SAID, 1)
    assert before <= peer.heard_at <= loop.time()
    assert bus.said == [(subjects.head("eng"), SAID)]
