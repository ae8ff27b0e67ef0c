"""What the parts of the log's suite stand on. Subclasses give ``connect``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from shared.eventlog.log import EventLog
from shared.eventlog.model import (
    Append,
    Appended,
    Row,
)
from shared.eventlog.port import LogStore
from tests.kit.clock import SettableClock
from tests.kit.noted import (
    CODEC,
    SOURCE,
)

Connect = Callable[[], Awaitable[LogStore]]
StartLog = Callable[[], Awaitable[EventLog]]


async def outcomes(log: EventLog, *requests: Append) -> list[Appended | BaseException]:
    """All asked for in the same moment, so that they share a group."""
    return await asyncio.gather(*map(log.append, requests), return_exceptions=True)


async def everything(log: EventLog) -> list[Row]:
    return list(await log.store.read(0, 100_000))


class Ground:
    @pytest.fixture
    def clock(self) -> SettableClock:
        return SettableClock()

    @pytest.fixture
    async def start(self, connect: Connect, clock: SettableClock) -> AsyncIterator[StartLog]:
        logs: list[EventLog] = []

        async def start_log() -> EventLog:
            log = EventLog(await connect(), source=SOURCE, codec=CODEC, clock=clock)
            await log.start()
            logs.append(log)
            return log

        yield start_log
        for log in logs:
            await log.stop()

    @pytest.fixture
    async def log(self, start: StartLog) -> EventLog:
        return await start()
