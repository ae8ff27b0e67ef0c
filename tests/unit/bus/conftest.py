"""A broker in memory, and sides that begin on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from shared.bus.memory import MemoryBroker
from shared.bus.provision import receiver_name
from shared.eventlog.log import EventLog
from shared.eventlog.memory import MemoryStore
from shared.events.intake import Service
from tests.kit.sides import MemoryTransport, Side
from tests.unit.bus.receiving import Receiving
from tests.unit.bus.restored import Begin


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


@pytest.fixture
async def receiving() -> AsyncIterator[Receiving]:
    receiving = Receiving()
    await receiving.log.start()
    await receiving.keeper.look()
    yield receiving
    await receiving.log.stop()
