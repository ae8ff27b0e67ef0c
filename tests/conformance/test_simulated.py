"""The simulation's twins without trouble keep what the real adapters keep."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import Any, cast

import pytest

from shared.bus.port import Bus
from shared.events import subjects
from shared.events.intake import Service
from tests.conformance.bus_suite import ACK_WAIT_S, BusSuite
from tests.conformance.bus_suite import Connect as ConnectBus
from tests.conformance.eventlog_ground import Connect
from tests.conformance.eventlog_suite import EventLogSuite
from tests.kit.clock import SettableClock
from tests.kit.noted import SOURCE, any_id
from tests.simulation.broker import SimBroker
from tests.simulation.database import Connection, Database
from tests.simulation.loop import Process
from tests.simulation.network import SimBus, Wire
from tests.simulation.weather import Weather

NO_TROUBLE: frozenset[str] = frozenset()


class TestSimulatedLog(EventLogSuite):
    @pytest.fixture
    def connect(self, clock: SettableClock) -> Connect:
        database = Database(
            "ops", source=SOURCE, clock=clock, new_id=any_id, committed=lambda *_: None
        )

        async def another() -> Connection:
            # Of the loop it needs no more than any loop has.
            loop = cast("Any", asyncio.get_running_loop())
            return Connection(database, loop, Weather(1, NO_TROUBLE), copy_context())

        return another


class TestSimulatedBus(BusSuite):
    @pytest.fixture
    async def connect(self) -> ConnectBus:
        broker = SimBroker(lambda *_: None)
        broker.ack_wait = ACK_WAIT_S
        loop = cast("Any", asyncio.get_running_loop())
        wire = Wire(broker, loop, Weather(1, NO_TROUBLE), copy_context())
        own = tuple(subjects.STREAM_SUBJECTS)

        async def connect(service: Service) -> Bus:
            bus = SimBus(wire, Process(service, lambda _: None), service, own)
            for stream in own:
                bus.restore(stream)
            return bus

        return connect
