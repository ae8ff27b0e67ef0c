from __future__ import annotations

import pytest

from shared.bus.memory import MemoryBroker, MemoryBus
from shared.bus.port import Bus
from shared.bus.provision import receiver_name
from shared.events.intake import Service
from tests.conformance.bus_suite import BusSuite, Connect


class TestMemory(BusSuite):
    @pytest.fixture
    async def connect(self) -> Connect:
        broker = MemoryBroker([receiver_name("ops"), receiver_name("eng")], ack_wait=1.0)

        async def connect(service: Service) -> Bus:
            return MemoryBus(broker)

        return connect
