"""What every bus keeps, whatever it runs on. Subclasses give ``connect``, nothing else.

``connect(service)`` gives that service's bus, with all that is declared in place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from shared.bus.port import (
    MESSAGE_ID,
    MESSAGES_MAX,
    Bus,
    BusRefused,
    BusUnavailable,
    Consumer,
    Delivery,
    Message,
)
from shared.bus.provision import intake_name, receiver_name
from shared.events import subjects
from shared.events.intake import Service
from tests.kit.waiting import eventually

Connect = Callable[[Service], Awaitable[Bus]]

STREAM = subjects.OPS_EVENTS
RECEIVER = receiver_name("eng")
ACK_WAIT_S = 3.0
"""After which what is not acknowledged comes again; a busy machine stops a test for a second."""


def message(number: int, *, name: str | None = None) -> Message:
    headers = {"X-Number": str(number)} | ({} if name is None else {MESSAGE_ID: name})
    return Message(f"ops.events.OPS-{number}.opened", b"%d" % number, headers)


async def take(consumer: Consumer, count: int) -> list[Delivery]:
    taken: list[Delivery] = []
    while len(taken) < count:
        more = await consumer.next(count - len(taken), 10.0)
        assert more, f"only {len(taken)} of {count} came"
        taken += more
    return taken


def bodies(deliveries: Sequence[Delivery]) -> list[int]:
    return [int(delivery.body) for delivery in deliveries]


class BusSuite:
    @pytest.mark.parametrize("count", [1, 5, 50, MESSAGES_MAX])
    async def test_what_is_published_arrives_in_order_as_it_was(
        self, connect: Connect, count: int
    ) -> None:
        ops, eng = await connect("ops"), await connect("eng")

        assert await ops.publish(STREAM, [message(n) for n in range(count)]) == 0

        async with eng.consume(STREAM, RECEIVER) as consumer:
            taken = await take(consumer, count)
        assert bodies(taken) == list(range(count))
        last = taken[-1]
        assert last.subject == f"ops.events.OPS-{count - 1}.opened"
        assert last.headers["X-Number"] == str(count - 1)
        assert len({delivery.identity for delivery in taken}) == count

    async def test_nothing_is_published_at_once_beyond_the_limit(self, connect: Connect) -> None:
        ops = await connect("ops")
        assert await ops.publish(STREAM, []) == 0
        with pytest.raises(ValueError, match="limit"):
            await ops.publish(STREAM, [message(n) for n in range(MESSAGES_MAX + 1)])

    @pytest.mark.parametrize("count", [3, 40])
    async def test_a_known_id_is_a_duplicate(self, connect: Connect, count: int) -> None:
        ops, eng = await connect("ops"), await connect("eng")
        named = [message(n, name=f"id-{n}") for n in range(count)]
        await ops.publish(STREAM, named[:2])

        assert await ops.publish(STREAM, named) == 2

        async with eng.consume(STREAM, RECEIVER) as consumer:
            assert bodies(await take(consumer, count)) == list(range(count))
            assert not await consumer.next(1, 0.05)

    async def test_the_last_message_of_a_stream(self, connect: Connect) -> None:
        ops = await connect("ops")
        assert await ops.last(STREAM) is None
        await ops.publish(STREAM, [message(1), message(2)])
        assert await ops.last(STREAM) == b"2"

    async def test_a_consumer_gives_at_most_what_is_asked_for(self, connect: Connect) -> None:
        ops, eng = await connect("ops"), await connect("eng")
        async with eng.consume(STREAM, RECEIVER) as consumer:
            assert await consumer.next(10, 0.0) == ()
            await ops.publish(STREAM, [message(n) for n in range(5)])
            seen = await take(consumer, 5)
            await ops.publish(STREAM, [message(n) for n in range(5, 10)])
            assert len(await consumer.next(3, 10.0)) <= 3
        assert bodies(seen) == list(range(5))

    async def test_who_waits_is_woken(self, connect: Connect) -> None:
        ops, eng = await connect("ops"), await connect("eng")
        async with eng.consume(STREAM, RECEIVER) as consumer:
            waiting = asyncio.create_task(take(consumer, 1))
            await asyncio.sleep(0)
            await ops.publish(STREAM, [message(7)])
            assert bodies(await waiting) == [7]

    async def test_what_is_not_acknowledged_comes_again(self, connect: Connect) -> None:
        ops, eng = await connect("ops"), await connect("eng")
        await ops.publish(STREAM, [message(n) for n in range(3)])
        async with eng.consume(STREAM, RECEIVER) as consumer:
            first = await take(consumer, 3)

        async with eng.consume(STREAM, RECEIVER) as consumer:
            again = await take(consumer, 3)

        assert [each.identity for each in again] == [each.identity for each in first]

    async def test_the_last_acknowledged_stands_for_all_before_it(self, connect: Connect) -> None:
        ops, eng = await connect("ops"), await connect("eng")
        await ops.publish(STREAM, [message(n) for n in range(4)])
        async with eng.consume(STREAM, RECEIVER) as consumer:
            taken = await take(consumer, 4)
            await consumer.ack(taken[2])

            assert bodies(await take(consumer, 1)) == [3]

    async def test_at_the_intake_each_is_acknowledged_by_itself(self, connect: Connect) -> None:
        ops = await connect("ops")
        sent = [Message(f"intake.ops.x.t{n}", b"%d" % n) for n in range(3)]
        await ops.publish(subjects.INTAKE, sent)
        async with ops.consume(subjects.INTAKE, intake_name("ops")) as consumer:
            taken = await take(consumer, 3)
            for each in taken[::2]:
                await consumer.ack(each)

            assert bodies(await take(consumer, 1)) == [1]

    async def test_at_the_intake_each_service_is_given_its_own(self, connect: Connect) -> None:
        ops, eng = await connect("ops"), await connect("eng")
        sent = [Message(f"intake.{name}.x.t", name.encode()) for name in ("eng", "ops", "eng")]
        await ops.publish(subjects.INTAKE, sent)
        async with eng.consume(subjects.INTAKE, intake_name("eng")) as consumer:
            assert [each.body for each in await take(consumer, 2)] == [b"eng", b"eng"]
            assert not await consumer.next(1, 0.05)
        async with ops.consume(subjects.INTAKE, intake_name("ops")) as consumer:
            assert [each.body for each in await take(consumer, 1)] == [b"ops"]

    async def test_work_in_progress_does_not_come_again(self, connect: Connect) -> None:
        ops, eng = await connect("ops"), await connect("eng")
        await ops.publish(STREAM, [message(1)])
        async with eng.consume(STREAM, RECEIVER) as consumer:
            taken = await take(consumer, 1)
            for _ in range(4):
                await consumer.in_progress(taken)
                assert not await consumer.next(1, ACK_WAIT_S * 0.3)

    async def test_who_asks_nobody_is_told(self, connect: Connect) -> None:
        ops = await connect("ops")
        with pytest.raises(BusUnavailable):
            await ops.request("nobody.answers", b"", 0.5)

    async def test_who_serves_answers_until_it_ends(self, connect: Connect) -> None:
        ops, eng = await connect("ops"), await connect("eng")

        async def answer(body: bytes) -> bytes:
            match body:
                case b"refuse":
                    raise BusRefused("no such thing")
                case b"later":
                    raise BusUnavailable("not now")
                case _:
                    return b"to " + body

        async def is_answered() -> bool:
            try:
                return await eng.request("log.ops.ask", b"this", 1.0) == b"to this"
            except BusUnavailable:  # the server does not know of it yet
                return False

        async with ops.serve("log.ops.ask", answer):
            await eventually(is_answered)
            with pytest.raises(BusRefused, match="no such thing"):
                await eng.request("log.ops.ask", b"refuse", 1.0)
            with pytest.raises(BusUnavailable, match="not now"):
                await eng.request("log.ops.ask", b"later", 1.0)

        with pytest.raises(BusUnavailable):
            await eng.request("log.ops.ask", b"this", 0.5)

    async def test_an_announcement_reaches_those_who_listen_now(self, connect: Connect) -> None:
        ops, eng = await connect("ops"), await connect("eng")
        heard: list[bytes] = []

        async def hear(body: bytes) -> None:
            heard.append(body)

        await ops.announce("a.head", b"early")
        # Between two connections nothing says what reaches the server first. It is behind the
        # announcement once it answers who made it.
        await ops.last(STREAM)
        async with eng.listen("a.head", hear):

            async def says() -> bool:
                await ops.announce("a.head", b"now")
                return bool(heard)

            await eventually(says)
        count = len(heard)
        await ops.announce("a.head", b"late")
        assert set(heard[:count]) == {b"now"}
