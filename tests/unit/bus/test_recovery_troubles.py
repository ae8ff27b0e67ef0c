"""A restored log that went on, a process that runs on, a recovery that crashes, nobody to ask."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import cast

import pytest

from shared.bus import taking_back
from shared.bus.memory import MemoryBroker
from shared.eventlog.log import EventLog
from shared.eventlog.memory import MemoryStore
from shared.eventlog.model import Append, LogReadOnly, LogUnavailable
from shared.eventlog.port import Group
from shared.events import subjects
from shared.events.intake import Service
from shared.hosting.clock import utc_now
from tests.kit.sides import CODEC, MemoryTransport, Side, draft, holds_all, memory_store
from tests.kit.waiting import eventually
from tests.unit.bus.restored import Begin, agree, recovered


async def test_a_log_that_went_on_before_it_was_compared_is_stopped(begin: Begin) -> None:
    store = memory_store("ops")
    eng, first = await begin("eng"), await begin("ops", store)
    await first.say(5)
    backup = store.backup()
    await first.say(3)
    await eventually(lambda: agree(first, eng))
    await first.stop()
    store.restore(backup)
    careless = EventLog(store, source=first.log.source, codec=CODEC, clock=utc_now)
    await careless.start()
    await careless.append(Append((draft("ops", "OPS-77"),), {"OPS-77": 0}))
    await careless.stop()
    held = await eng.received()

    side = await begin("ops", store)
    await eventually(lambda: side.exchange.handshake.alarm)

    with pytest.raises(LogReadOnly, match="went on before it was compared"):
        await side.log.append(Append((draft("ops", "OPS-78"),), {"OPS-78": 0}))
    assert "log" in side.exchange.status().trouble
    assert await eng.received() == held
    assert (await store.head()).sequence == 6


async def test_a_process_whose_database_is_replaced_writes_nothing_more(begin: Begin) -> None:
    store = memory_store("ops")
    side = await begin("ops", store)
    losses: list[str] = []
    side.log.on_loss(losses.append)
    await side.say(5)
    backup = store.backup()
    await side.say(5)

    store.restore(backup)

    with pytest.raises(LogUnavailable):
        await side.say(1)
    assert len(losses) == 1
    with pytest.raises(LogReadOnly, match="must start again"):
        await side.say(1)
    assert (await store.head()).sequence == 5


async def test_an_idle_process_notices_that_its_database_was_replaced(begin: Begin) -> None:
    store = memory_store("ops")
    side = await begin("ops", store)
    backup = store.backup()
    await side.say(5)

    store.restore(backup)

    await eventually(lambda: side.log.read_only)


async def test_without_the_other_side_it_waits_if_its_stream_says_more(begin: Begin) -> None:
    store = memory_store("ops")
    eng, first = await begin("eng"), await begin("ops", store)
    await first.say(5)
    backup = store.backup()
    await first.say(3)
    await eventually(lambda: agree(first, eng))
    await first.stop()
    await eng.stop()
    store.restore(backup)

    side = await begin("ops", store)
    await eventually(lambda: "was restored" in (side.log.read_only or ""))
    again = await begin("eng", cast("MemoryStore", eng.store))

    await side.writable()
    await eventually(lambda: agree(side, again))
    assert (await recovered(side)).recovered == 3


async def test_without_the_other_side_it_begins_if_its_stream_says_no_more(begin: Begin) -> None:
    store = memory_store("ops")
    first = await begin("ops", store)
    await first.say(5)
    await eventually(lambda: first.exchange.status().lag_out == 0)
    await first.stop()

    side = await begin("ops", store)
    await side.writable()


@pytest.mark.parametrize("commits", range(6))
async def test_a_recovery_that_crashed_goes_on(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, commits: int
) -> None:
    monkeypatch.setattr(taking_back, "RUN_MAX", 2)
    store = memory_store("ops")
    eng, first = await begin("eng"), await begin("ops", store)
    await first.say(5)
    await eng.say(3)
    await eventually(lambda: agree(first, eng))
    backup = store.backup()
    await first.say(7)
    await eventually(lambda: agree(first, eng))
    published = await first.published()
    await first.stop()
    store.restore(backup)
    left = commits
    commit = store.commit

    async def crashing(group: Group) -> None:
        nonlocal left
        if not left:
            raise LogUnavailable("it crashed")
        left -= 1
        await commit(group)

    monkeypatch.setattr(store, "commit", crashing)
    crashed = await begin("ops", store)
    await eventually(lambda: not left or crashed.exchange.handshake.passed)
    await crashed.stop()
    monkeypatch.setattr(store, "commit", commit)

    side = await begin("ops", store)
    await side.writable()

    assert await side.published() == published
    said = await recovered(side)
    assert (said.lost_from, said.recovered, said.epoch) == (6, 7, 2)


async def test_a_backup_from_before_an_earlier_recovery(begin: Begin) -> None:
    store = memory_store("ops")
    eng, side = await begin("eng"), await begin("ops", store)
    await side.say(5)
    await eventually(partial(agree, side, eng))
    backup = store.backup()
    for number in (1, 2, 3):
        stream = f"OPS-7{number}"
        await side.log.append(Append((draft("ops", stream),), {stream: 0}))
        await eventually(partial(agree, side, eng))
        published = await side.published()
        await side.stop()
        store.restore(backup)
        side = await begin("ops", store)
        await side.writable()
        assert await side.published() == published

    await eventually(partial(agree, side, eng))
    assert [each.epoch for each in await store.epochs()] == [1, 2, 3, 4]
    assert eng.exchange.status().receiver.alarm is None


async def test_what_only_the_stream_held_is_taken_in_first_and_comes_back_too(
    begin: Begin, broker: MemoryBroker
) -> None:
    store = memory_store("ops")
    eng, first = await begin("eng"), await begin("ops", store)
    await first.say(5)
    await eventually(lambda: holds_all(eng, first))
    backup = store.backup()
    connection = cast("MemoryTransport", eng.transport).bus
    connection.is_connected = False
    await first.say(4)
    await eventually(lambda: len(broker.streams[subjects.OPS_EVENTS]) == 9)
    published = await first.published()
    await first.stop()
    store.restore(backup)

    side = await begin("ops", store)
    await eventually(lambda: side.log.read_only)
    connection.is_connected = True
    await side.writable()

    assert await side.published() == published
    assert (await recovered(side)).recovered == 4


class NeverElected:
    """``Election`` that another process has won for good."""

    async def won(self) -> None:
        await asyncio.get_running_loop().create_future()

    async def lost(self) -> None:
        raise NotImplementedError

    async def resign(self) -> None:
        pass


async def test_a_process_that_is_not_in_charge_waits_for_the_one_that_is(
    begin: Begin, broker: MemoryBroker
) -> None:
    store = memory_store("ops")
    eng, first = await begin("eng"), await begin("ops", store)
    await first.say(5)
    backup = store.backup()
    await first.say(4)
    await eventually(lambda: holds_all(eng, first))
    await first.stop()
    store.restore(backup)

    def connect(log: EventLog, service: Service, other: Service) -> MemoryTransport:
        return MemoryTransport(broker, service, log)

    idle = Side("ops", connect, store=store, election=NeverElected())
    await idle.start()
    await eventually(lambda: idle.exchange.handshake.restored)
    with pytest.raises(LogReadOnly, match="older backup"):
        await idle.log.append(Append((draft("ops", "OPS-1"),), {"OPS-1": 0}))
    in_charge = await begin("ops", store)
    await in_charge.writable()
    await idle.writable()
    (row,) = (await idle.log.append(Append((draft("ops", "OPS-77"),), {"OPS-77": 0}))).rows
    await idle.stop()

    assert (row.epoch, row.sequence) == (2, 10)
