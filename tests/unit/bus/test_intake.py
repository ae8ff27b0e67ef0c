"""The intake's bookkeeping: copies, room, and receipts for who has them already."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest

from shared.bus import intake as taking_in
from shared.bus.intake import Intake
from shared.bus.memory import MemoryBroker, MemoryBus, MemoryDeadLetters
from shared.bus.port import Consumer, Delivery
from shared.events import subjects
from shared.events.intake import IntakeEvent, Receipt
from shared.hosting.clock import utc_now
from shared.hosting.ids import new_id
from tests.kit.waiting import eventually

STRUCTURED = {"Content-Type": "application/cloudevents+json"}


def body(event_id: str, subject: str) -> bytes:
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": event_id,
            "source": "/servicenow/x",
            "type": "caselog.ops.commented.v1",
            "subject": subject,
            "time": "2026-03-02T15:00:00Z",
            "data": {},
        }
    )


def delivery(event_id: str, *, subject: str = "OPS-1", copy: int = 1) -> Delivery:
    return Delivery(
        "intake.ops.servicenow.commented",
        body(event_id, subject),
        STRUCTURED,
        event_id,
        f"{event_id} {copy}",
    )


class Scripted:
    """A consumer that gives what it is told to."""

    def __init__(self) -> None:
        self.waiting: asyncio.Queue[Delivery] = asyncio.Queue()
        self.acknowledged: list[str] = []
        self.limits: list[int] = []

    async def next(self, limit: int, timeout: float) -> Sequence[Delivery]:
        self.limits.append(limit)
        return [await self.waiting.get()]

    async def ack(self, delivery: Delivery) -> None:
        self.acknowledged.append(delivery.handle)

    async def in_progress(self, deliveries: Sequence[Delivery]) -> None: ...


class ScriptedBus(MemoryBus):
    def __init__(self) -> None:
        super().__init__(MemoryBroker())
        self.consumer = Scripted()

    @asynccontextmanager
    async def consume(self, stream: str, consumer: str) -> AsyncIterator[Consumer]:  # type: ignore[override]
        yield self.consumer


class Handler:
    def __init__(self) -> None:
        self.handled: list[str] = []
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def handle(self, event: IntakeEvent) -> Receipt:
        self.handled.append(event.id)
        await self.go_on.wait()
        return Receipt(outcome="recorded", key=event.subject)


class Desk:
    def __init__(self) -> None:
        self.bus = ScriptedBus()
        self.handler = Handler()
        self.intake = Intake(
            service="ops",
            bus=self.bus,
            consumer="ops-intake",
            handler=self.handler,
            dead_letters=MemoryDeadLetters(clock=utc_now, new_id=new_id),
            clock=utc_now,
        )

    def give(self, *deliveries: Delivery) -> None:
        for each in deliveries:
            self.bus.consumer.waiting.put_nowait(each)

    @property
    def receipts(self) -> list[str]:
        stored = self.bus.broker.streams[subjects.RECEIPTS]
        return [each.message.subject.split(".")[-1] for each in stored]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    running = asyncio.create_task(desk.intake.run())
    yield desk
    running.cancel()
    await asyncio.wait([running])
    await desk.intake.close()


async def test_a_copy_that_comes_while_the_first_is_handled_is_no_second(desk: Desk) -> None:
    desk.handler.go_on.clear()
    desk.give(delivery("a"), delivery("a", copy=2), delivery("b", subject="OPS-2"))
    await eventually(lambda: desk.handler.handled == ["a", "b"])

    desk.handler.go_on.set()

    await eventually(lambda: len(desk.receipts) == 2)
    assert "a 2" in desk.bus.consumer.acknowledged  # the latest copy is the one that counts


async def test_a_copy_that_comes_after_the_acknowledgement_is_no_second(desk: Desk) -> None:
    desk.give(delivery("a"))
    await eventually(lambda: desk.bus.consumer.acknowledged)

    desk.give(delivery("a", copy=2), delivery("b"))

    await eventually(lambda: len(desk.receipts) == 2)
    assert desk.handler.handled == ["a", "b"]
    assert "a 2" in desk.bus.consumer.acknowledged  # else it comes again and again


async def test_no_more_is_taken_than_there_is_room_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking_in, "IN_FLIGHT_MAX", 3)
    desk.handler.go_on.clear()
    desk.give(*[delivery(f"e-{n}", subject=f"OPS-{n}") for n in range(5)])
    await eventually(lambda: len(desk.handler.handled) == 3)
    assert desk.bus.consumer.waiting.qsize() == 2

    desk.handler.go_on.set()

    await eventually(lambda: len(desk.receipts) == 5)


async def test_over_http_nobody_waits_for_the_broker(desk: Desk) -> None:
    desk.bus.is_connected = False

    receipt = await desk.intake.receive_http(list(STRUCTURED.items()), body("h", "OPS-1"))

    assert receipt.outcome == "recorded"
    assert desk.receipts == []
    desk.bus.is_connected = True
    await eventually(lambda: desk.receipts == ["h"])
