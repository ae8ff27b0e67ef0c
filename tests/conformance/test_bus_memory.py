from __future__ import annotations

import pytest

from shared.bus.memory import MemoryBroker, MemoryBus
from shared.bus.port import Bus
from shared.bus.provision import intake_name, receiver_name
from shared.events.intake import Service
from shared.events.subjects import intake_of
from tests.conformance.bus_suite import ACK_WAIT_S, BusSuite, Connect


class TestMemory(BusSuite):
    @pytest.fixture
    async def connect(self) -> Connect:
        broker = MemoryBroker(
            [receiver_name("ops"), receiver_name("eng")],
            ack_wait=ACK_WAIT_S,
            filters={intake_name("ops"): intake_of("ops"), intake_name("eng"): intake_of("eng")},
        )

        async def connect(service: Service) -> Bus:
            return MemoryBus(broker)

        return connect
