"""Crashes between any two steps: on PostgreSQL, nothing is lost and nothing is there twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from shared.bus.jetstream import JetStreamBus, NatsTransport
from shared.bus.migrate import migrate
from shared.bus.port import Bus, Consumer, Delivery
from shared.bus.postgres import AdvisoryLock
from shared.eventlog.log import EventLog
from shared.eventlog.postgres import PostgresStore
from shared.events.intake import Service
from tests.integration.bus.conftest import Begin, Connect, sides
from tests.kit.databases import Database, Databases
from tests.kit.fixtures import MakeDatabase
from tests.kit.servers import PostgresServer
from tests.kit.sides import OTHER, Side, holds_all, source_of
from tests.kit.waiting import eventually

pytestmark = pytest.mark.integration


async def prepare(owner_dsn: str) -> None:
    await asyncio.to_thread(migrate, owner_dsn)


@pytest.fixture
async def begin(connect: Connect, database: MakeDatabase) -> AsyncIterator[Begin]:
    """As everywhere, but the sides stop before their databases are dropped."""
    async with sides(connect) as begin:
        yield begin


def postgres_store(database: Database, service: Service) -> PostgresStore:
    return PostgresStore(database.app_dsn, source=source_of(service))


class NeverAcknowledging:
    """A consumer of a process that dies when it is about to acknowledge."""

    def __init__(self, consumer: Consumer, reached: asyncio.Event) -> None:
        self._consumer = consumer
        self._reached = reached

    async def next(self, limit: int, timeout: float) -> Sequence[Delivery]:
        return await self._consumer.next(limit, timeout)

    async def ack(self, delivery: Delivery) -> None:
        self._reached.set()
        await asyncio.get_running_loop().create_future()

    async def in_progress(self, deliveries: Sequence[Delivery]) -> None:
        await self._consumer.in_progress(deliveries)


class DyingBus(JetStreamBus):
    reached: asyncio.Event

    @asynccontextmanager
    async def consume(self, stream: str, consumer: str) -> AsyncIterator[Consumer]:  # type: ignore[override]
        async with super().consume(stream, consumer) as pull:
            yield NeverAcknowledging(pull, self.reached)


class DyingTransport(NatsTransport):
    def __init__(self, whole: NatsTransport, reached: asyncio.Event) -> None:
        super().__init__(whole.broker, whole.provisioner, whole._reader)
        self._dying = DyingBus(whole.broker, whole.provisioner)
        self._dying.reached = reached

    @property
    def bus(self) -> Bus:
        return self._dying


async def test_a_receiver_killed_between_commit_and_acknowledgement(
    begin: Begin, connect: Connect, database: MakeDatabase
) -> None:
    author = await begin("ops", store=postgres_store(await database(prepare), "ops"))
    own = await database(prepare)
    reached = asyncio.Event()

    def connect_dying(log: EventLog, service: Service, other: Service) -> NatsTransport:
        return DyingTransport(connect(log, service, other), reached)

    dying = Side("eng", connect_dying, store=postgres_store(own, "eng"))
    await dying.start()
    await author.say_at_once(30)
    await reached.wait()
    committed = await dying.received()
    await dying.stop()
    assert committed

    next_one = await begin("eng", store=postgres_store(own, "eng"))
    await eventually(lambda: next_one.exchange.status().receiver.duplicates == len(committed))
    await author.say(5)

    await eventually(lambda: holds_all(next_one, author))


async def test_a_process_that_dies_is_followed_by_another(
    begin: Begin, connect: Connect, database: MakeDatabase
) -> None:
    ops_database, receiver = await database(prepare), await begin("eng")
    first = Side("ops", connect, store=postgres_store(ops_database, "ops"))
    await first.start()
    await first.say(20)
    first.exchange.relay._cursor = 0  # as if it had no time to publish
    await first.stop()

    second = await begin("ops", store=postgres_store(ops_database, "ops"))

    await eventually(lambda: holds_all(receiver, second))


async def test_a_database_that_restarts_only_delays(
    begin: Begin, postgres_server: PostgresServer
) -> None:
    maker = Databases(postgres_server.admin_dsn, prefix="restarted")
    stores = {service: postgres_store(await maker.create(prepare), service) for service in OTHER}
    author = await begin("ops", store=stores["ops"])
    receiver = await begin("eng", store=stores["eng"])
    await author.say(10)

    await postgres_server.kill()
    await postgres_server.start()
    await eventually(lambda: said(author))

    await eventually(lambda: holds_all(receiver, author), 20)


async def said(side: Side) -> bool:
    await side.say(10)
    return True


async def test_two_processes_of_one_service_do_no_harm(
    begin: Begin, database: MakeDatabase
) -> None:
    author = await begin("ops")
    own = await database(prepare)
    both = [await begin("eng", store=postgres_store(own, "eng")) for _ in range(2)]
    for side in both:
        assert side.exchange.status().receiver.alarm is None

    await author.say(100)
    await both[0].say(20)

    await eventually(lambda: holds_all(both[0], author))
    await eventually(lambda: holds_all(author, both[1]))


async def test_one_of_two_is_elected_and_the_other_takes_over(
    begin: Begin, connect: Connect, database: MakeDatabase
) -> None:
    author = await begin("ops")
    own = await database(prepare)
    first = Side(
        "eng",
        connect,
        store=postgres_store(own, "eng"),
        election=AdvisoryLock(own.app_dsn),
    )
    await first.start()
    await eventually(lambda: first.exchange.status().leading)
    second = await begin(
        "eng", store=postgres_store(own, "eng"), election=AdvisoryLock(own.app_dsn)
    )
    await author.say(10)
    await eventually(lambda: holds_all(second, author))
    assert not second.exchange.status().leading

    await first.stop()
    await author.say(10)

    await eventually(lambda: holds_all(second, author))
    assert second.exchange.status().leading
