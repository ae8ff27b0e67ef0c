"""Sides over a broker in memory whose logs are restored from backups."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from shared.eventlog.memory import MemoryStore
from shared.eventlog.recovered import STREAM, LogRecovered
from shared.events.intake import Service
from tests.kit.sides import CODEC, Side, holds_all, memory_store
from tests.kit.waiting import eventually


class Begin(Protocol):
    def __call__(self, service: Service, store: MemoryStore | None = None) -> Awaitable[Side]: ...


async def agree(one: Side, other: Side) -> bool:
    return await holds_all(one, other) and await holds_all(other, one)


async def recovered(side: Side) -> LogRecovered:
    """What the log says of its own recovery."""
    rows = await side.store.read_streams([STREAM])
    (row,) = [row for row in rows if row.source == side.log.source]
    said = CODEC.decode(row.type, row.entry).data
    assert isinstance(said, LogRecovered)
    return said


async def lose_the_end(begin: Begin, service: Service) -> tuple[Side, Side, list[bytes]]:
    """``service`` says 5, is backed up, says 7 more that arrive, and is restored."""
    store = memory_store(service)
    other = await begin("eng" if service == "ops" else "ops")
    first = await begin(service, store)
    await first.say(5)
    await other.say(3)
    await eventually(lambda: agree(first, other))
    backup = store.backup()
    await first.say(7)
    await other.say(4)
    await eventually(lambda: agree(first, other))
    published = await first.published()
    await first.stop()
    store.restore(backup)
    return await begin(service, store), other, published
