"""Whatever the broker loses, doubles or scrambles, each event is held exactly once and in order.

With its exact bytes, and nobody restarts anything by hand.
"""

from __future__ import annotations

import asyncio
import random

import pytest
from nats.aio.client import Client

from shared.eventlog.model import Append, LogReadOnly
from shared.events import subjects
from tests.integration.bus.conftest import Begin, Connect
from tests.kit.servers import NatsServer
from tests.kit.sides import Side, draft, holds_all
from tests.kit.waiting import eventually

pytestmark = pytest.mark.integration

SEED = 20260302


async def drop(client: Client, stream: str) -> None:
    assert await client.jetstream().delete_stream(stream)


async def stored(client: Client, stream: str) -> list[tuple[str, bytes]]:
    """All messages of a stream, in order."""
    jetstream = client.jetstream()
    state = (await jetstream.stream_info(stream)).state
    messages = [
        await jetstream.get_msg(stream, seq=number)
        for number in range(state.first_seq, state.last_seq + 1)
    ]
    return [(message.subject or "", message.data or b"") for message in messages]


async def replace_stream(client: Client, stream: str, messages: list[tuple[str, bytes]]) -> None:
    """The stream with other content: OPS and ENG streams let nobody delete a message."""
    jetstream = client.jetstream()
    await drop(client, stream)
    await jetstream.add_stream(name=stream, subjects=[subjects.STREAM_SUBJECTS[stream]])
    for subject, body in messages:
        await jetstream.publish(subject, body)


async def test_messages_deleted_from_the_stream_come_from_the_log(
    begin: Begin, outsider: Client
) -> None:
    author = await begin("ops")
    await author.say(40)
    await eventually(lambda: is_published(author))
    messages = await stored(outsider, subjects.OPS_EVENTS)
    gone = {0, 7, 8, 9, 22, 39}
    kept = [message for index, message in enumerate(messages) if index not in gone]
    await replace_stream(outsider, subjects.OPS_EVENTS, kept)

    receiver = await begin("eng")

    await eventually(lambda: holds_all(receiver, author))
    assert receiver.exchange.status().receiver.healed > 0


async def test_a_deleted_stream_is_made_anew_and_nothing_is_lost(
    ops: Side, eng: Side, outsider: Client
) -> None:
    await ops.say(20)
    await eventually(lambda: holds_all(eng, ops))

    await drop(outsider, subjects.OPS_EVENTS)
    await ops.say(20)

    await eventually(lambda: holds_all(eng, ops))
    await ops.say(5)
    await eventually(lambda: holds_all(eng, ops))
    await outsider.jetstream().stream_info(subjects.OPS_EVENTS)


async def test_a_deleted_consumer_is_made_anew(ops: Side, eng: Side, outsider: Client) -> None:
    await ops.say(5)
    await eventually(lambda: holds_all(eng, ops))

    await outsider.jetstream().delete_consumer(subjects.OPS_EVENTS, "eng-receiver")
    await ops.say(5)

    await eventually(lambda: holds_all(eng, ops))


async def test_a_wiped_jetstream_loses_nothing_while_both_sides_go_on(
    ops: Side, eng: Side, nats_server: NatsServer
) -> None:
    await ops.say(20)
    await eng.say(20)
    await eventually(lambda: holds_all(eng, ops))

    await nats_server.wipe()
    await ops.say(20)
    await eng.say(20)

    await eventually(lambda: holds_all(eng, ops), 20)
    await eventually(lambda: holds_all(ops, eng), 20)


async def test_a_broker_that_is_away_for_a_while_only_delays(
    ops: Side, eng: Side, nats_server: NatsServer
) -> None:
    await ops.say(10)
    await eventually(lambda: holds_all(eng, ops))

    await nats_server.kill()
    await eventually(lambda: not ops.exchange.status().connected)
    await ops.say(300)
    await eng.say(10)
    assert not await holds_all(eng, ops)
    await nats_server.start()

    await eventually(lambda: holds_all(eng, ops), 20)
    await eventually(lambda: holds_all(ops, eng), 20)
    await eventually(lambda: not ops.exchange.status().trouble, 20)


async def test_a_service_that_starts_before_its_broker_takes_nothing_before_it_is_there(
    begin: Begin, nats_server: NatsServer
) -> None:
    await nats_server.stop()
    author, receiver = await begin("ops"), await begin("eng")
    assert not author.exchange.status().connected
    with pytest.raises(LogReadOnly, match="not been compared"):
        await author.log.append(Append((draft("ops", "OPS-1"),), {"OPS-1": 0}))

    await nats_server.start()
    await author.say(10)

    await eventually(lambda: holds_all(receiver, author), 20)


async def test_the_same_message_sent_five_times_is_held_once(
    ops: Side, eng: Side, outsider: Client
) -> None:
    await ops.say(3)
    await eventually(lambda: holds_all(eng, ops))

    for subject, body in await stored(outsider, subjects.OPS_EVENTS):
        for _ in range(5):
            await outsider.jetstream().publish(subject, body)

    await eventually(lambda: eng.exchange.status().receiver.duplicates == 15)
    assert await holds_all(eng, ops)


async def test_order_scrambled_in_the_stream_is_order_in_the_log(
    begin: Begin, outsider: Client
) -> None:
    author = await begin("ops")
    await author.say(60)
    await eventually(lambda: is_published(author))
    messages = await stored(outsider, subjects.OPS_EVENTS)
    random.Random(SEED).shuffle(messages)
    await replace_stream(outsider, subjects.OPS_EVENTS, messages)

    receiver = await begin("eng")

    await eventually(lambda: holds_all(receiver, author))


async def test_a_lost_tail_shows_by_the_head_and_is_asked_for(
    begin: Begin, outsider: Client
) -> None:
    author = await begin("ops")
    await author.say(10)
    await eventually(lambda: is_published(author))
    messages = await stored(outsider, subjects.OPS_EVENTS)
    await replace_stream(outsider, subjects.OPS_EVENTS, messages[:4])

    receiver = await begin("eng")

    await eventually(lambda: holds_all(receiver, author))


async def test_a_peer_that_has_never_started_is_waited_for(begin: Begin) -> None:
    early = await begin("ops")
    await early.say(5)
    await eventually(lambda: is_published(early))
    assert "provisioning" not in early.exchange.status().trouble

    late = await begin("eng")
    await late.say(5)

    await eventually(lambda: holds_all(late, early))
    await eventually(lambda: holds_all(early, late))


async def test_a_service_that_was_away_longer_than_the_stream_remembers(
    begin: Begin, outsider: Client
) -> None:
    author = await begin("ops")
    await author.say(700)
    await eventually(lambda: is_published(author))
    await drop(outsider, subjects.OPS_EVENTS)
    await author.say(1)

    receiver = await begin("eng")

    await eventually(lambda: holds_all(receiver, author))


async def is_published(side: Side) -> bool:
    return side.exchange.status().lag_out == 0


async def test_a_service_stops_in_time_though_its_broker_is_away(
    connect: Connect, nats_server: NatsServer
) -> None:
    connected, never = Side("ops", connect), Side("eng", connect)
    await connected.start()
    await eventually(lambda: connected.exchange.status().leading)
    await connected.say(5)
    await nats_server.kill()
    await never.start()

    async with asyncio.timeout(8):
        await connected.stop()
        await never.stop()
