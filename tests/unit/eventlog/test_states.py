from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from shared.eventlog.log import EventLog
from shared.eventlog.memory import MemoryStore
from shared.eventlog.model import LogUnavailable, Row
from shared.eventlog.states import UNFOLDED_MAX, States, Versioned
from tests.kit.clock import SettableClock
from tests.kit.noted import CODEC, SILENCE, SOURCE, any_id, append, noted, texts


class SlowStore(MemoryStore):
    """Its rows are read at once and given out when ``gate`` is open."""

    def __init__(self) -> None:
        super().__init__(source=SOURCE, clock=SettableClock(), new_id=any_id)
        self.gate = asyncio.Event()
        self.gate.set()
        self.reading = asyncio.Event()
        self.reads: list[tuple[str, ...]] = []
        self.failure: Exception | None = None

    async def read_streams(self, streams: Sequence[str], upto: int | None = None) -> Sequence[Row]:
        self.reads.append(tuple(streams))
        rows = await super().read_streams(streams, upto)
        self.reading.set()
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return rows


@pytest.fixture
async def store() -> SlowStore:
    return SlowStore()


@pytest.fixture
async def log(store: SlowStore) -> AsyncIterator[EventLog]:
    log = EventLog(store, source=SOURCE, codec=CODEC, clock=SettableClock())
    await log.start()
    yield log
    await log.stop()


@pytest.fixture
def states(log: EventLog) -> States[tuple[str, ...]]:
    return States(log, SILENCE, texts)


async def test_a_hot_stream_is_read_once(
    log: EventLog, store: SlowStore, states: States[tuple[str, ...]]
) -> None:
    await log.append(append(noted("a", "1")))
    for version in range(1, 6):
        assert (await states.load("a")).version == version
        await log.append(append(noted("a", "more"), at=version))

    assert store.reads == [("a",)]


async def test_a_commit_during_the_read_is_part_of_the_state(
    log: EventLog, store: SlowStore, states: States[tuple[str, ...]]
) -> None:
    await log.append(append(noted("a", "1")))
    store.gate.clear()
    loading = asyncio.create_task(states.load("a"))
    await store.reading.wait()
    await log.append(append(noted("a", "2"), at=1))
    store.gate.set()

    assert await loading == Versioned(("1", "2"), 2, 2)
    assert await states.load("a") == Versioned(("1", "2"), 2, 2)
    assert len(store.reads) == 1


async def test_those_who_ask_at_once_share_a_read(
    log: EventLog, store: SlowStore, states: States[tuple[str, ...]]
) -> None:
    await log.append(append(noted("a", "1"), noted("b", "2")))

    found = await asyncio.gather(*[states.load(s) for s in ("a", "b", "a")])

    assert [each.state for each in found] == [("1",), ("2",), ("1",)]
    assert store.reads == [("a", "b")]


async def test_a_forgotten_stream_is_read_anew_even_while_it_is_being_read(
    log: EventLog, store: SlowStore, states: States[tuple[str, ...]]
) -> None:
    await log.append(append(noted("a", "1")))
    store.gate.clear()
    loading = asyncio.create_task(states.load("a"))
    await store.reading.wait()
    states.forget(["a"])
    again = asyncio.create_task(states.load("a"))
    await asyncio.sleep(0)
    store.gate.set()

    assert await loading == await again
    assert store.reads == [("a",), ("a",)]


async def test_who_waits_for_anothers_read_does_not_depend_on_it(
    log: EventLog, store: SlowStore, states: States[tuple[str, ...]]
) -> None:
    await log.append(append(noted("a", "1")))
    store.gate.clear()
    first = asyncio.create_task(states.load("a"))
    await store.reading.wait()
    second = asyncio.create_task(states.load("a"))
    await asyncio.sleep(0)
    first.cancel()
    store.gate.set()

    assert (await second).state == ("1",)


async def test_a_failed_read_is_told_and_not_kept(
    log: EventLog, store: SlowStore, states: States[tuple[str, ...]]
) -> None:
    await log.append(append(noted("a", "1")))
    store.failure = LogUnavailable("away")
    with pytest.raises(LogUnavailable):
        await states.load("a")
    store.failure = None

    assert (await states.load("a")).state == ("1",)


async def test_only_so_many_streams_are_kept(log: EventLog, store: SlowStore) -> None:
    states = States(log, SILENCE, texts, capacity=2)
    await log.append(append(*[noted(s, s) for s in ("a", "b", "c")]))

    for stream in ("a", "b", "a", "c", "a", "b"):
        assert (await states.load(stream)).state == (stream,)

    assert store.reads == [("a",), ("b",), ("c",), ("b",)]


async def test_a_stream_that_nobody_asks_for_does_not_collect_rows_for_ever(
    log: EventLog, store: SlowStore, states: States[tuple[str, ...]]
) -> None:
    await log.append(append(noted("a")))
    await states.load("a")
    await log.append(append(*[noted("a") for _ in range(UNFOLDED_MAX + 1)], at=1))

    assert (await states.load("a")).version == UNFOLDED_MAX + 2
    assert len(store.reads) == 2


async def test_a_stream_that_does_not_exist_is_looked_for_again(
    log: EventLog, store: SlowStore, states: States[tuple[str, ...]]
) -> None:
    assert (await states.load("a")).version == 0
    await log.append(append(noted("a", "1")))

    assert (await states.load("a")).state == ("1",)
