"""Two sides over a broker in memory that loses, doubles and lies: the same logs in the end."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial

import pytest

from shared.bus.memory import MemoryBroker
from shared.bus.port import Message
from shared.bus.provision import receiver_name
from shared.eventlog.log import EventLog
from shared.events import subjects
from shared.events.intake import Service
from tests.kit.sides import MemoryTransport, Side, holds_all
from tests.kit.waiting import eventually

Begin = Callable[[Service], Awaitable[Side]]

SEEDS = range(8)


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker([receiver_name("ops"), receiver_name("eng")], ack_wait=0.2)


@pytest.fixture
async def begin(broker: MemoryBroker) -> AsyncIterator[Begin]:
    sides: list[Side] = []

    def connect(log: EventLog, service: Service, other: Service) -> MemoryTransport:
        return MemoryTransport(broker, service, log)

    async def begin(service: Service) -> Side:
        side = Side(service, connect)
        sides.append(side)
        await side.start()
        return side

    yield begin
    for side in sides:
        await side.stop()


def bus_of(side: Side) -> MemoryTransport:
    assert isinstance(side.transport, MemoryTransport)
    return side.transport


async def agree(one: Side, other: Side) -> bool:
    return await holds_all(one, other) and await holds_all(other, one)


async def test_two_sides_agree(begin: Begin) -> None:
    ops, eng = await begin("ops"), await begin("eng")
    await ops.say(50)
    await eng.say_at_once(300)
    await eventually(lambda: agree(ops, eng))


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_the_broker_does_they_agree(
    begin: Begin, broker: MemoryBroker, seed: int
) -> None:
    dice = random.Random(seed)
    ops, eng = await begin("ops"), await begin("eng")

    def lose() -> None:
        for stream in subjects.EVENT_STREAMS.values():
            broker.lose(stream, lambda _: dice.random() < 0.5)

    def double() -> None:
        for stream in subjects.EVENT_STREAMS.values():
            stored = broker.streams[stream]
            for each in dice.sample(stored, min(3, len(stored))):
                message = each.message
                broker.store(stream, type(message)(message.subject, message.body))

    def shuffle() -> None:
        for stream in subjects.EVENT_STREAMS.values():
            dice.shuffle(broker.streams[stream])

    def disconnect(side: Side) -> None:
        bus_of(side).bus.is_connected = not bus_of(side).bus.is_connected

    faults: list[Callable[[], None]] = [lose, double, shuffle, broker.wipe]
    faults += [partial(disconnect, ops), partial(disconnect, eng)]
    for _ in range(12):
        await dice.choice([ops, eng]).say(dice.randint(1, 30))
        dice.choice(faults)()
    for side in (ops, eng):
        bus_of(side).bus.is_connected = True

    await eventually(lambda: agree(ops, eng), 20, describe=f"seed {seed}")
    for side in (ops, eng):
        assert side.exchange.status().receiver.alarm is None


async def test_what_the_status_says(begin: Begin) -> None:
    ops = await begin("ops")
    await eventually(lambda: ops.exchange.status().leading)
    before = ops.exchange.status()
    assert (before.peer_head_age, before.lag_in) == (None, None)

    eng = await begin("eng")
    await eng.say(5)
    await eventually(lambda: agree(ops, eng))
    await eventually(lambda: ops.exchange.status().lag_in == 0)

    after = ops.exchange.status()
    assert after.connected
    assert after.receiver.sequence == 5
    assert after.trouble == {}
    assert after.peer_head_age is not None


async def test_what_is_committed_is_published_before_a_side_stops(
    begin: Begin, broker: MemoryBroker
) -> None:
    ops = await begin("ops")
    await eventually(lambda: ops.exchange.status().leading)
    await ops.say(100)
    await ops.exchange.stop()
    assert len(broker.streams[subjects.OPS_EVENTS]) == 100


async def test_a_part_that_fails_is_started_again(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    ops = await begin("ops")
    await eventually(lambda: ops.exchange.status().leading)
    publish = bus_of(ops).bus.publish
    failures = iter([RuntimeError("a bug")])

    async def fails_once(stream: str, messages: Sequence[Message]) -> int:
        for failure in failures:
            raise failure
        return await publish(stream, messages)

    monkeypatch.setattr(bus_of(ops).bus, "publish", fails_once)
    await ops.say(3)
    await eventually(lambda: "relay" in ops.exchange.status().trouble)

    await eventually(lambda: ops.exchange.status().lag_out == 0)
    await eventually(lambda: not ops.exchange.status().trouble)
