"""Handing over to JetStream: atomic batches, and what is done when the server takes none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client

from shared.bus.broker import Broker
from shared.bus.port import MESSAGE_ID, BusRefused, BusUnavailable, Message, StreamMissing
from shared.bus.publishing import Publisher
from shared.events import subjects
from shared.events.reading import Announcement
from tests.integration.bus.conftest import subscribed
from tests.kit.servers import NatsServer
from tests.kit.sides import Side, holds_all
from tests.kit.waiting import eventually

pytestmark = pytest.mark.integration

STREAM = "OPS_EVENTS"


@pytest.fixture
async def broker(nats_server: NatsServer) -> AsyncIterator[Broker]:
    broker = Broker(nats_server.url, service="ops", on_closed=lambda: None)
    await broker.start()
    yield broker
    await broker.stop()


def messages(count: int, ids: str = "a", size: int = 10) -> list[Message]:
    return [
        Message(f"ops.events.OPS-{n}.opened", b"x" * size, {MESSAGE_ID: f"{ids}.{n}"})
        for n in range(count)
    ]


async def make(client: Client, *, atomic: bool = True, max_msg_size: int = -1) -> None:
    await client.jetstream().add_stream(
        name=STREAM, subjects=["ops.events.>"], allow_atomic=atomic, max_msg_size=max_msg_size
    )


async def count(client: Client) -> int:
    return (await client.jetstream().stream_info(STREAM)).state.messages


@pytest.mark.parametrize("size", [1, 15, 16, 17, 1_000])
async def test_all_are_there_in_order_however_many(
    broker: Broker, outsider: Client, size: int
) -> None:
    await make(outsider)
    publisher = Publisher(broker.connection)

    assert await publisher.publish(STREAM, messages(size)) == 0

    assert await count(outsider) == size
    last = await outsider.jetstream().get_msg(STREAM, seq=size)
    assert last.subject == f"ops.events.OPS-{size - 1}.opened"
    assert publisher.fallbacks == 0


async def test_without_atomic_batches_they_go_singly(broker: Broker, outsider: Client) -> None:
    await make(outsider, atomic=False)
    publisher = Publisher(broker.connection)

    for ids in "abc":
        assert await publisher.publish(STREAM, messages(100, ids)) == 0

    assert await count(outsider) == 300
    assert publisher.fallbacks == 1


async def test_a_batch_with_a_known_id_goes_singly_and_says_so(
    broker: Broker, outsider: Client
) -> None:
    await make(outsider)
    publisher = Publisher(broker.connection)
    await publisher.publish(STREAM, messages(3))

    assert await publisher.publish(STREAM, messages(50)) == 3

    assert await count(outsider) == 50


async def test_no_stream_is_said_at_once(broker: Broker) -> None:
    publisher = Publisher(broker.connection, answer_s=60)
    for size in (1, 100):
        with pytest.raises(StreamMissing):
            await publisher.publish(STREAM, messages(size))


async def test_a_message_too_large_is_refused(broker: Broker, outsider: Client) -> None:
    await make(outsider, max_msg_size=100)
    publisher = Publisher(broker.connection)
    for size in (1, 100):
        with pytest.raises(BusRefused):
            await publisher.publish(STREAM, messages(size, size=1_000))
    with pytest.raises(BusRefused):
        await publisher.publish(STREAM, messages(1, size=5 * 1024 * 1024))


async def test_no_answer_is_waited_for_in_vain(broker: Broker, outsider: Client) -> None:
    # Somebody takes the messages, but it is not a stream.
    await outsider.subscribe("ops.events.>")
    await subscribed(outsider)
    publisher = Publisher(broker.connection, answer_s=0.2)
    for size in (1, 100):
        with pytest.raises(BusUnavailable, match="no answer"):
            await publisher.publish(STREAM, messages(size))


async def test_a_lost_connection_ends_the_wait(
    broker: Broker, outsider: Client, nats_server: NatsServer
) -> None:
    await outsider.subscribe("ops.events.>")
    await subscribed(outsider)
    publisher = Publisher(broker.connection, answer_s=60)
    broker.on_disconnect(publisher.lost)

    async def publish() -> str:
        try:
            await publisher.publish(STREAM, messages(1))
        except BusUnavailable as error:
            return str(error)
        return ""

    told, _ = await asyncio.gather(publish(), nats_server.kill())

    assert told


async def test_another_stream_that_takes_our_subjects_is_noticed(
    broker: Broker, outsider: Client
) -> None:
    await outsider.jetstream().add_stream(
        name="THIEF", subjects=["ops.events.>"], allow_atomic=True
    )
    for size in (1, 100):
        with pytest.raises(BusRefused, match="THIEF"):
            await Publisher(broker.connection).publish(STREAM, messages(size))


async def test_the_exchange_works_without_atomic_batches(
    ops: Side, eng: Side, outsider: Client
) -> None:
    await ops.say(1)
    await eventually(lambda: holds_all(eng, ops))
    jetstream = outsider.jetstream()
    await jetstream.delete_stream(subjects.OPS_EVENTS)
    await make(outsider, atomic=False)

    await ops.say_at_once(300)

    await eventually(lambda: holds_all(eng, ops))


async def test_what_does_not_arrive_is_sent_again_under_another_id(
    ops: Side, outsider: Client
) -> None:
    """The receiver says again and again that it holds no more: perhaps it cannot ask."""
    await ops.say(5)
    await eventually(lambda: ops.exchange.status().lag_out == 0)
    relay = ops.exchange.relay
    relay._stuck_for = 0.0
    stuck = Announcement(log=ops.log.head.log, epoch=1, position=0, sequence=0, received=2)
    relay.peer_said(stuck)
    relay._stuck_for = 0.0
    relay.peer_said(stuck)

    await eventually(lambda: ops.exchange.status().relay.resent == 3)
    assert await count(outsider) == 8
