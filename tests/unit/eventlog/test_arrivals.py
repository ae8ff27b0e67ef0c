"""Whoever waits for a stream goes on as soon as it is there, or when the time is over."""

from __future__ import annotations

import asyncio

from shared.eventlog.arrivals import Arrivals
from shared.eventlog.log import EventLog
from shared.eventlog.memory import MemoryStore
from shared.eventlog.model import Append
from shared.events import ops
from shared.events.codec import Codec
from shared.events.envelope import Draft
from shared.hosting.clock import utc_now
from shared.hosting.ids import new_id
from tests.kit import examples


async def started() -> EventLog:
    store = MemoryStore(source=ops.SOURCE, clock=utc_now, new_id=new_id)
    log = EventLog(store, source=ops.SOURCE, codec=Codec(ops.PUBLISHED), clock=utc_now)
    await log.start()
    return log


async def opened(log: EventLog, key: str) -> None:
    draft = Draft(
        id=new_id(),
        subject=key,
        time=utc_now(),
        correlationid="test",
        causationid="test",
        actor="person:ann",
        data=examples.minimal(ops.Opened),
    )
    await log.append(Append((draft,), {key: 0}))


async def test_what_is_there_is_found_at_once() -> None:
    log = await started()

    async def look() -> str:
        return "there"

    assert await Arrivals(log).until("OPS-1", look, timeout=0) == "there"
    await log.stop()


async def test_a_waiter_goes_on_when_its_stream_is_committed() -> None:
    log = await started()
    arrivals = Arrivals(log)

    async def look() -> str | None:
        return "OPS-1" if await log.store.read_streams(("OPS-1",)) else None

    waiting = asyncio.create_task(arrivals.until("OPS-1", look, timeout=10))
    await asyncio.sleep(0)
    await opened(log, "OPS-2")
    assert not waiting.done()

    await opened(log, "OPS-1")

    assert await waiting == "OPS-1"
    await log.stop()


async def test_what_does_not_come_is_given_up() -> None:
    log = await started()

    async def look() -> str | None:
        return None

    assert await Arrivals(log).until("OPS-1", look, timeout=0.05) is None
    await log.stop()
