"""Publishing: in order, without a gap, from where the stream ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from msgspec.structs import replace

from shared.bus import relay as relaying
from shared.bus.memory import MemoryBroker, MemoryBus
from shared.bus.port import Message
from shared.bus.relay import Handover, HoleInOwnLog, Relay
from shared.eventlog.log import EventLog
from shared.eventlog.model import Append, Row
from shared.events import subjects
from shared.events.reading import Announcement
from shared.hosting.clock import utc_now
from tests.kit.sides import CODEC, draft, memory_store
from tests.kit.waiting import eventually

SOURCE = "/caselog/ops"


class Publishing:
    """A log, a relay that can be started and stopped, and the stream it writes."""

    def __init__(self) -> None:
        self.log = EventLog(memory_store("ops"), source=SOURCE, codec=CODEC, clock=utc_now)
        self.broker = MemoryBroker()
        self.bus = MemoryBus(self.broker)
        self.relay = Relay(self.log, self.bus, "ops")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Task[None]:
        self._task = asyncio.create_task(self.relay.run())
        return self._task

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def say(self, count: int, stream: str = "OPS-1") -> None:
        version = len(await self.log.store.read_streams([stream]))
        for number in range(count):
            drafts = (draft("ops", stream),)
            await self.log.append(Append(drafts, {stream: version + number}))

    @property
    def stream(self) -> list[bytes]:
        return [stored.message.body for stored in self.broker.streams[subjects.OPS_EVENTS]]

    async def entries(self) -> list[bytes]:
        return [row.entry for row in await self.log.store.read_published(0, 100_000)]


@pytest.fixture
async def publishing() -> AsyncIterator[Publishing]:
    publishing = Publishing()
    await publishing.log.start()
    yield publishing
    await publishing.stop()
    await publishing.log.stop()


async def test_what_is_committed_is_published_from_memory(publishing: Publishing) -> None:
    publishing.start()
    await eventually(lambda: publishing.relay.status.position == 0)

    await publishing.say(20)
    await publishing.relay.caught_up()

    assert publishing.stream == await publishing.entries()
    assert publishing.relay.status.read_again == 0


async def test_a_relay_begins_where_its_stream_ends(publishing: Publishing) -> None:
    publishing.start()
    await publishing.say(5)
    await publishing.relay.caught_up()
    await publishing.stop()
    await publishing.say(5)

    publishing.start()
    await publishing.relay.caught_up()

    assert publishing.stream == await publishing.entries()


async def test_an_empty_stream_is_filled_with_the_end_of_the_log(
    publishing: Publishing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaying, "REFILL_MAX", 4)
    await publishing.say(10)

    publishing.start()
    await publishing.relay.caught_up()

    assert publishing.stream == (await publishing.entries())[6:]


@pytest.mark.parametrize("last", [b"garbage", b"{}"])
async def test_a_stream_that_ends_with_garbage_counts_as_empty(
    publishing: Publishing, last: bytes
) -> None:
    publishing.broker.store(subjects.OPS_EVENTS, Message("ops.events.x.y", last))
    await publishing.say(3)

    publishing.start()
    await publishing.relay.caught_up()

    assert publishing.stream[1:] == await publishing.entries()


async def test_a_broker_that_is_away_is_waited_for(publishing: Publishing) -> None:
    publishing.bus.is_connected = False
    publishing.start()
    await publishing.say(3)
    await eventually(lambda: publishing.relay.status.last_error)

    publishing.bus.is_connected = True
    await publishing.relay.caught_up()

    assert publishing.stream == await publishing.entries()
    assert publishing.relay.status.last_error is None


async def test_what_another_process_committed_is_published_too(publishing: Publishing) -> None:
    other = EventLog(publishing.log.store, source=SOURCE, codec=CODEC, clock=utc_now)
    await other.start()
    publishing.start()
    for version in range(3):
        await other.append(Append((draft("ops", "OPS-2"),), {"OPS-2": version}))

    await eventually(lambda: len(publishing.stream) == 3)
    await publishing.say(3)
    await publishing.relay.caught_up()

    assert publishing.stream == await publishing.entries()
    await other._appender.stop()


async def test_a_hole_in_the_own_log_stops_everything_behind_it(
    publishing: Publishing, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publishing.say(5)
    store = publishing.log.store
    read = store.read_published

    async def with_a_hole(after: int, limit: int) -> Sequence[Row]:
        return [row for row in await read(after, limit) if row.sequence != 3]

    monkeypatch.setattr(store, "read_published", with_a_hole)

    with pytest.raises(HoleInOwnLog):
        await publishing.start()
    assert publishing.stream == []


async def test_what_does_not_arrive_is_sent_again_with_ever_longer_pauses(
    publishing: Publishing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaying, "STUCK_S", (0.0, 60.0))
    head = publishing.log.head
    stuck = Announcement(log=head.log, epoch=1, position=0, sequence=0, received=2)
    publishing.start()
    await publishing.say(4)
    await publishing.relay.caught_up()

    publishing.relay.peer_said(stuck)
    publishing.relay.peer_said(stuck)
    await eventually(lambda: publishing.relay.status.resent == 2)
    publishing.relay.peer_said(replace(stuck, received=3))
    publishing.relay.peer_said(replace(stuck, received=4))
    publishing.relay.peer_said(replace(stuck, received=4))

    entries = await publishing.entries()
    assert publishing.stream == entries + entries[2:]
    assert publishing.relay.status.confirmed == 4


async def rows_of(count: int) -> list[Row]:
    log = EventLog(memory_store("ops"), source=SOURCE, codec=CODEC, clock=utc_now)
    await log.start()
    drafts = tuple(draft("ops", "OPS-1") for _ in range(count))
    appended = await log.append(Append(drafts, {"OPS-1": 0}))
    await log.stop()
    return list(appended.rows)


async def test_a_handover_gives_what_follows_and_nothing_over_a_gap() -> None:
    rows = await rows_of(10)
    handover = Handover(SOURCE)
    handover.offer(rows)
    assert handover.take(0) == []  # not open: nobody would take them
    handover.open()
    handover.offer(rows[:3])
    handover.offer(rows[5:])

    assert handover.take(1) == rows[1:3]
    assert handover.take(3) == []
    assert handover.take(5) == rows[5:]
    assert handover.size == 0


async def test_a_handover_takes_own_published_rows_as_far_as_they_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relaying, "WAITING_ROWS_MAX", 4)
    rows = await rows_of(10)
    handover = Handover(SOURCE)
    handover.open()
    handover.offer([replace(rows[0], source="/caselog/eng")])
    handover.offer([replace(rows[0], sequence=None)])
    assert handover.size == 0

    handover.offer(rows)
    assert handover.take(0) == rows[:4]
    handover.offer(rows[6:])
    assert handover.take(4) == []
    assert handover.take(6) == rows[6:]
