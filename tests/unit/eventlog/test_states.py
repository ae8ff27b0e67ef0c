"""How streams are read that are not kept: together, and each on its own account."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import pytest

from shared.eventlog.log import EventLog
from shared.eventlog.memory import MemoryStore
from shared.eventlog.model import LogUnavailable, Row
from shared.eventlog.states import READS_MAX, States, Versioned
from tests.kit.clock import SettableClock
from tests.kit.noted import CODEC, SILENCE, SOURCE, any_id, append, noted, texts

STREAMS = [f"s-{n}" for n in range(20)]


class SlowStore(MemoryStore):
    """Answers what was asked when it is let."""

    def __init__(self) -> None:
        super().__init__(source=SOURCE, clock=SettableClock(), new_id=any_id)
        self.asked: list[Sequence[str]] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.away = False

    async def read_streams(self, streams: Sequence[str], upto: int | None = None) -> Sequence[Row]:
        self.asked.append(streams)
        rows = await super().read_streams(streams, upto)
        await self.answers.wait()
        if self.away:
            raise LogUnavailable("away")
        return rows


@pytest.fixture
def store() -> SlowStore:
    return SlowStore()


@pytest.fixture
async def log(store: SlowStore) -> AsyncIterator[EventLog]:
    log = EventLog(store, source=SOURCE, codec=CODEC, clock=SettableClock())
    await log.start()
    await log.append(append(*(noted(stream, "1") for stream in STREAMS)))
    yield log
    await log.stop()


@pytest.fixture
def states(log: EventLog) -> States[tuple[str, ...]]:
    return States(log, SILENCE, texts)


async def asking(
    states: States[tuple[str, ...]], *streams: str
) -> list[asyncio.Task[Versioned[tuple[str, ...]]]]:
    """Asks for each by itself, and lets everything go as far as it can."""
    tasks = [asyncio.create_task(states.load(stream)) for stream in streams]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


async def test_what_is_asked_for_at_once_is_read_at_once(
    states: States[tuple[str, ...]], store: SlowStore
) -> None:
    found = await asyncio.gather(*(states.load(stream) for stream in STREAMS))

    assert [state.state for state in found] == [("1",)] * len(STREAMS)
    assert [set(streams) for streams in store.asked] == [set(STREAMS)]


async def test_what_is_asked_for_during_reads_is_read_together_when_one_is_done(
    states: States[tuple[str, ...]], store: SlowStore
) -> None:
    store.answers.clear()
    tasks = []
    for stream in STREAMS:
        tasks += await asking(states, stream)
    assert len(store.asked) == READS_MAX

    store.answers.set()
    await asyncio.gather(*tasks)

    assert [set(streams) for streams in store.asked[READS_MAX:]] == [set(STREAMS[READS_MAX:])]


async def test_a_stream_is_read_once_for_all_who_ask(
    states: States[tuple[str, ...]], store: SlowStore
) -> None:
    store.answers.clear()
    tasks = [*await asking(states, "s-0"), *await asking(states, "s-0")]
    store.answers.set()
    await asyncio.gather(*tasks)
    await states.load("s-0")

    assert len(store.asked) == 1


async def test_what_is_committed_during_a_read_is_in_the_state(
    log: EventLog, states: States[tuple[str, ...]], store: SlowStore
) -> None:
    store.answers.clear()
    (load,) = await asking(states, "s-0")
    await log.append(append(noted("s-0", "2"), at=1))
    store.answers.set()

    assert (await load).state == ("1", "2")
    assert (await states.load("s-0")).state == ("1", "2")


async def test_what_is_committed_before_a_read_begins_is_in_the_state_once(
    log: EventLog, states: States[tuple[str, ...]], store: SlowStore
) -> None:
    store.answers.clear()
    loads = [(await asking(states, stream))[0] for stream in STREAMS]
    await log.append(append(noted(STREAMS[-1], "2"), at=1))
    store.answers.set()

    assert (await loads[-1]).state == ("1", "2")


async def test_who_asks_after_forgetting_is_read_for_anew(
    states: States[tuple[str, ...]], store: SlowStore
) -> None:
    store.answers.clear()
    (before,) = await asking(states, "s-0")
    states.forget(["s-0"])
    (after,) = await asking(states, "s-0")
    store.answers.set()
    await asyncio.gather(before, after)

    assert [list(streams) for streams in store.asked] == [["s-0"], ["s-0"]]


async def test_who_gives_up_takes_the_read_from_nobody(
    states: States[tuple[str, ...]], store: SlowStore
) -> None:
    store.answers.clear()
    loads = await asking(states, "s-0", "s-1")
    loads[0].cancel()
    with suppress(asyncio.CancelledError):
        await loads[0]
    store.answers.set()

    assert (await loads[1]).state == ("1",)


async def test_a_stream_that_cannot_be_folded_is_a_failure_of_its_own(log: EventLog) -> None:
    def fold(state: tuple[str, ...], event: Any) -> tuple[str, ...]:
        if event.subject == "s-0":
            raise ZeroDivisionError
        return texts(state, event)

    states = States(log, SILENCE, fold)
    bad, good = await asking(states, "s-0", "s-1")

    with pytest.raises(ZeroDivisionError):
        await bad
    assert (await good).state == ("1",)


async def test_a_read_that_failed_is_no_obstacle_to_the_next(
    states: States[tuple[str, ...]], store: SlowStore
) -> None:
    store.away = True
    with pytest.raises(LogUnavailable):
        await states.load("s-0")
    store.away = False

    assert (await states.load("s-0")).state == ("1",)
