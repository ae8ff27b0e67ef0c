"""A log whose database was restored from an older backup is found out and made whole."""

from __future__ import annotations

from typing import cast

import pytest

from shared.bus.memory import MemoryBroker
from shared.eventlog.model import Append, LogReadOnly
from shared.events import subjects
from shared.events.codec import decode_head
from shared.events.intake import Service
from tests.kit.sides import MemoryTransport, draft, holds_all, memory_store
from tests.kit.waiting import eventually
from tests.unit.bus.restored import Begin, agree, lose_the_end, recovered


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
    cast("MemoryTransport", eng.transport).bus.is_connected = False
    await first.say(4)
    await eventually(lambda: len(broker.streams[subjects.OPS_EVENTS]) == 9)
    await first.stop()
    broker.lose(subjects.OPS_EVENTS, lambda number: number in {6, 7})
    store.restore(backup)
    cast("MemoryTransport", eng.transport).bus.is_connected = True

    side = await begin("ops", store)
    await side.writable()
    await side.log.append(Append((draft("ops", "OPS-77"),), {"OPS-77": 0}))

    said = await recovered(side)
    assert (said.lost_from, said.recovered, said.said) == (6, 0, 9)
    await eventually(lambda: agree(side, eng))


async def test_a_receiver_that_was_restored_is_healed(begin: Begin) -> None:
    store = memory_store("eng")
    ops, first = await begin("ops"), await begin("eng", store)
    await ops.say(5)
    await eventually(lambda: holds_all(first, ops))
    backup = store.backup()
    await ops.say(7)
    await eventually(lambda: holds_all(first, ops))
    await first.stop()
    store.restore(backup)

    side = await begin("eng", store)
    await side.say(2)

    await eventually(lambda: agree(ops, side), 10)
    assert await ops.published() == await side.received()
    assert ops.log.head.epoch == 1


async def test_both_restored_at_once_lose_what_neither_holds_and_agree_on_the_rest(
    begin: Begin,
) -> None:
    stores = {service: memory_store(service) for service in ("ops", "eng")}
    ops, eng = await begin("ops", stores["ops"]), await begin("eng", stores["eng"])
    await ops.say(5)
    await eng.say(3)
    await eventually(lambda: agree(ops, eng))
    early = stores["ops"].backup()
    await ops.say(4)
    await eventually(lambda: agree(ops, eng))
    kept = await ops.published()
    late = stores["eng"].backup()
    await ops.say(6)
    await eng.say(2)
    await eventually(lambda: agree(ops, eng))
    await ops.stop()
    await eng.stop()
    stores["ops"].restore(early)
    stores["eng"].restore(late)

    ops, eng = await begin("ops", stores["ops"]), await begin("eng", stores["eng"])
    await ops.writable()
    await eng.writable()
    for side in (ops, eng):
        stream = f"{side.service.upper()}-77"
        await side.log.append(Append((draft(side.service, stream),), {stream: 0}))

    await eventually(lambda: agree(ops, eng), 10)
    assert (await ops.published())[:9] == kept
    assert (await recovered(ops)).said == 15
    assert [side.log.head.epoch for side in (ops, eng)] == [2, 2]
