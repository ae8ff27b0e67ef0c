"""Receipts that wait together go together, and each caller hears of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from shared.bus.memory import MemoryBroker, MemoryBus
from shared.bus.port import BusUnavailable, Message
from shared.bus.receipts import BATCH_MAX, Receipts
from shared.events import subjects
from shared.events.intake import Receipt

RECORDED = Receipt(outcome="recorded", key="OPS-1", position=1)


class CountingBus(MemoryBus):
    def __init__(self) -> None:
        super().__init__(MemoryBroker())
        self.sizes: list[int] = []

    async def publish(self, stream: str, messages: Sequence[Message]) -> int:
        self.sizes.append(len(messages))
        return await super().publish(stream, messages)


async def test_a_receipt_goes_to_its_event() -> None:
    bus = CountingBus()
    await Receipts(bus).publish("servicenow", "a-1", RECORDED)

    (stored,) = bus.broker.streams[subjects.RECEIPTS]
    assert stored.message.subject == "receipts.servicenow.a-1"
    assert msgspec.json.decode(stored.message.body, type=Receipt) == RECORDED


async def test_those_that_wait_go_together() -> None:
    bus = CountingBus()
    receipts = Receipts(bus)

    count = BATCH_MAX + 10
    await asyncio.gather(*[receipts.publish("x", f"e-{n}", RECORDED) for n in range(count)])

    assert bus.sizes == [BATCH_MAX, 10]


async def test_who_cannot_be_told_hears_it() -> None:
    bus = CountingBus()
    receipts = Receipts(bus)
    bus.is_connected = False
    outcomes = await asyncio.gather(
        *[receipts.publish("x", f"e-{n}", RECORDED) for n in range(3)], return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [BusUnavailable] * 3

    bus.is_connected = True
    await receipts.publish("x", "e-9", RECORDED)
    assert len(bus.broker.streams[subjects.RECEIPTS]) == 1


async def test_a_caller_that_goes_away_does_not_stop_the_others() -> None:
    receipts = Receipts(CountingBus())
    gone = asyncio.create_task(receipts.publish("x", "gone", RECORDED))
    there = asyncio.create_task(receipts.publish("x", "there", RECORDED))
    await asyncio.sleep(0)
    gone.cancel()

    await there
    with pytest.raises(asyncio.CancelledError):
        await gone
