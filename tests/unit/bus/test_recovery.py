"""A log whose database was restored from an older backup is found out and made whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import Protocol

import pytest

from shared.bus.memory import MemoryBroker
from shared.bus.provision import receiver_name
from shared.eventlog.log import EventLog
from shared.eventlog.memory import MemoryStore
from shared.eventlog.model import Append, LogReadOnly
from shared.eventlog.recovered import STREAM, LogRecovered
from shared.events import subjects
from shared.events.codec import decode_head
from shared.events.intake import Service
from tests.kit.sides import CODEC, MemoryTransport, Side, draft, holds_all, memory_store
from tests.kit.waiting import eventually


class Begin(Protocol):
    def __call__(self, service: Service, store: MemoryStore | None = None) -> Awaitable[Side]: ...


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker([receiver_name("ops"), receiver_name("eng")], ack_wait=0.2)


@pytest.fixture
async def begin(broker: MemoryBroker) -> AsyncIterator[Begin]:
    sides: list[Side] = []

    def connect(log: EventLog, service: Service, other: Service) -> MemoryTransport:
        return MemoryTransport(broker, service, log)

    async def begin(service: Service, store: MemoryStore | None = None) -> Side:
        side = Side(service, connect, store=store)
        sides.append(side)
        await side.start()
        return side

    yield begin
    for side in sides:
        await side.stop()


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


@pytest.mark.parametrize("service", ["ops", "eng"])
async def test_what_the_other_side_holds_comes_back_as_the_bytes_it_was(
    begin: Begin, service: Service
) -> None:
    side, other, published = await lose_the_end(begin, service)

    await side.writable()

    assert await side.published() == published
    said = await recovered(side)
    assert (said.lost_from, said.recovered, said.old_epoch, said.epoch) == (6, 7, 1, 2)
    await eventually(lambda: agree(side, other))


async def test_it_goes_on_in_another_epoch_with_the_next_number(begin: Begin) -> None:
    side, other, published = await lose_the_end(begin, "ops")
    await side.writable()
    await side.log.append(Append((draft("ops", "OPS-77"),), {"OPS-77": 0}))

    await eventually(lambda: agree(side, other))
    last = decode_head((await other.received())[-1])
    assert (last.epoch, last.sequence) == (2, len(published) + 1)
    assert other.exchange.status().receiver.alarm is None


async def test_nothing_is_taken_before_the_logs_were_compared(
    begin: Begin, broker: MemoryBroker
) -> None:
    ops = await begin("ops")
    with pytest.raises(LogReadOnly, match="not been compared"):
        await ops.log.append(Append((draft("ops", "OPS-1"),), {"OPS-1": 0}))

    await ops.writable()
    await ops.log.append(Append((draft("ops", "OPS-1"),), {"OPS-1": 0}))


async def test_what_never_reached_the_other_side_is_lost_and_said_to_be(
    begin: Begin, broker: MemoryBroker
) -> None:
    store = memory_store("ops")
    eng, first = await begin("eng"), await begin("ops", store)
    await first.say(5)
    await eventually(lambda: holds_all(eng, first))
    backup = store.backup()
    eng.transport.bus.is_connected = False  # type: ignore[attr-defined]
    await first.say(4)
    await eventually(lambda: len(broker.streams[subjects.OPS_EVENTS]) == 9)
    await first.stop()
    broker.lose(subjects.OPS_EVENTS, lambda number: number in {6, 7})
    store.restore(backup)
    eng.transport.bus.is_connected = True  # type: ignore[attr-defined]

    side = await begin("ops", store)
    await side.writable()
    await side.log.append(Append((draft("ops", "OPS-77"),), {"OPS-77": 0}))

    said = await recovered(side)
    assert (said.lost_from, said.recovered, said.said) == (6, 0, 9)
    await eventually(lambda: agree(side, eng))
