from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from shared.bus.broker import Broker
from shared.bus.jetstream import JetStreamBus
from shared.bus.port import Bus
from shared.bus.provision import Provisioner
from shared.events.intake import Service
from tests.conformance.bus_suite import ACK_WAIT_S, BusSuite, Connect
from tests.kit.servers import NatsServer
from tests.kit.sides import OTHER

pytestmark = pytest.mark.integration


class TestJetStream(BusSuite):
    @pytest.fixture
    async def connect(self, nats_server: NatsServer) -> AsyncIterator[Connect]:
        brokers: list[Broker] = []

        async def connect(service: Service) -> Bus:
            broker = Broker(nats_server.url, service=service, on_closed=lambda: None)
            await broker.start()
            brokers.append(broker)
            provisioner = Provisioner(
                broker.connection, service=service, other=OTHER[service], ack_wait=ACK_WAIT_S
            )
            await provisioner.ensure()
            return JetStreamBus(broker, provisioner)

        yield connect
        for broker in brokers:
            await broker.stop()
