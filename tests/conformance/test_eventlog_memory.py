from __future__ import annotations

import pytest

from shared.eventlog.memory import MemoryStore
from tests.conformance.eventlog_ground import Connect
from tests.conformance.eventlog_suite import EventLogSuite
from tests.kit.clock import SettableClock
from tests.kit.noted import SOURCE, any_id


class TestMemory(EventLogSuite):
    @pytest.fixture
    def connect(self, clock: SettableClock) -> Connect:
        store = MemoryStore(source=SOURCE, clock=clock, new_id=any_id)

        async def same() -> MemoryStore:
            return store

        return same
