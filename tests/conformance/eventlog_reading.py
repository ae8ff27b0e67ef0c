"""What every log keeps when it is read and followed."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from shared.eventlog.log import EventLog
from shared.eventlog.model import (
    KeyTaken,
    Row,
    UniqueKey,
    VersionConflict,
)
from shared.eventlog.states import States, Versioned
from tests.conformance.eventlog_ground import Ground, StartLog, everything
from tests.kit.clock import SettableClock
from tests.kit.noted import (
    SILENCE,
    any_id,
    append,
    foreign,
    murmured,
    noted,
    texts,
)


class Reading(Ground):
    # --- reading ----------------------------------------------------------------------------------

    async def test_pages_of_the_log(self, log: EventLog) -> None:
        await log.append(append(noted("a"), murmured("a"), foreign("a", 1), noted("a")))

        store = log.store
        assert [r.position for r in await store.read(1, 2)] == [2, 3]
        assert [r.position for r in await store.read(4, 10)] == []
        assert [r.sequence for r in await store.read_published(0, 10)] == [1, 2]
        assert [r.position for r in await store.read_published(1, 10)] == [4]

    async def test_streams(self, log: EventLog) -> None:
        await log.append(append(noted("a"), noted("b"), noted("c"), noted("a")))

        store = log.store
        assert [r.position for r in await store.read_streams(["a"])] == [1, 4]
        assert [r.position for r in await store.read_streams(["b", "a", "none"])] == [1, 2, 4]
        assert [r.position for r in await store.read_streams(["a", "b"], upto=3)] == [1, 2]
        assert await store.read_streams([]) == []

    async def test_finding_by_id(self, log: EventLog) -> None:
        draft = noted("a")
        (row,) = (await log.append(append(draft))).rows

        assert await log.store.find([draft.id, any_id()]) == {draft.id: row}

    async def test_the_position_at_a_moment(self, log: EventLog, clock: SettableClock) -> None:
        morning = clock.now
        await log.append(append(noted("a"), noted("a")))
        clock.advance(60)
        await log.append(append(noted("b")))
        clock.advance(60)
        await log.append(append(noted("c")))

        at = log.store.position_at
        assert await at(morning - timedelta(microseconds=1)) == 0
        assert await at(morning) == 2
        assert await at(morning + timedelta(seconds=59)) == 2
        assert await at(morning + timedelta(seconds=60)) == 3
        assert await at(morning + timedelta(days=1)) == 4

    # --- keys and numbers -------------------------------------------------------------------------

    async def test_keys_without_an_event(self, log: EventLog) -> None:
        await log.store.keep([UniqueKey("scope", "k", "first"), UniqueKey("scope", "l", "l")])
        await log.store.keep([UniqueKey("scope", "k", "second")])

        assert await log.store.taken("scope", ["k", "l"]) == {"k": "first", "l": "l"}
        with pytest.raises(KeyTaken):
            await log.append(append(noted("a"), keys=(UniqueKey("scope", "k", "third"),)))

    async def test_old_keys_are_forgotten_and_free(
        self, log: EventLog, clock: SettableClock
    ) -> None:
        old, other = UniqueKey("scope", "k", "1"), UniqueKey("for ever", "k", "1")
        await log.append(append(noted("a"), keys=(old, other)))
        clock.advance(timedelta(days=8))
        await log.append(append(noted("b"), keys=(UniqueKey("scope", "l", "1"),)))

        forgotten = await log.store.forget("scope", clock.now)

        assert forgotten == 1
        assert await log.store.taken("scope", ["k", "l"]) == {"l": "1"}
        assert await log.store.taken("for ever", ["k"]) == {"k": "1"}
        await log.append(append(noted("c"), keys=(UniqueKey("scope", "k", "2"),)))

    async def test_numbers_are_given_out_once(self, start: StartLog) -> None:
        here, there = await start(), await start()

        numbers = await asyncio.gather(*[s.store.next_number("A") for s in (here, there) * 10])

        assert sorted(numbers) == list(range(1, 21))
        assert await here.store.next_number("B") == 1

    async def test_numbers_go_on_above_the_streams_that_exist(self, log: EventLog) -> None:
        await log.append(
            append(*[noted(s) for s in ("A-9", "A-17", "AB-40", "A-x", "A", "A-1-50", "A-007x")])
        )

        assert await log.store.next_number("A") == 18

    # --- being told -------------------------------------------------------------------------------

    async def test_each_commit_is_delivered_once_and_in_order(self, log: EventLog) -> None:
        seen: list[Row] = []
        log.on_commit(seen.extend)

        await asyncio.gather(*[log.append(append(noted(f"s{n}"))) for n in range(300)])

        assert seen == await everything(log)

    async def test_listeners_hear_before_the_caller_goes_on(self, log: EventLog) -> None:
        seen: list[int] = []
        log.on_commit(lambda rows: seen.append(rows[-1].position))

        done = await log.append(append(noted("a")))

        assert seen == [done.position]
        assert log.head.position == done.position

    async def test_another_processes_commits_are_noticed(self, start: StartLog) -> None:
        here, there = await start(), await start()
        seen: list[Row] = []
        here.on_commit(seen.extend)

        done = await there.append(append(noted("a")))

        assert await here.wait_for(done.position, 20)
        assert (await here.changed(0)).position == done.position
        assert not await here.wait_for(done.position + 1, 0.01)
        assert seen == [], "other processes' rows are for on_others"

    async def test_an_append_outlives_its_caller(self, log: EventLog) -> None:
        caller = asyncio.create_task(log.append(append(noted("a"))))
        await asyncio.sleep(0)
        caller.cancel()

        assert (await log.changed(0)).position == 1

    # --- states -----------------------------------------------------------------------------------

    async def test_states_follow_the_log(self, start: StartLog) -> None:
        log = await start()
        states = States(log, SILENCE, texts)
        await log.append(append(noted("a", "1"), noted("b", "x"), noted("a", "2")))

        assert await states.load("a") == Versioned(("1", "2"), 2, 3)
        assert await states.load("none") == Versioned(SILENCE, 0, 0)
        await log.append(append(noted("a", "3"), at=2))
        assert await states.load("a") == Versioned(("1", "2", "3"), 3, 4)
        assert await states.load_many(["a", "b"]) == {
            "a": Versioned(("1", "2", "3"), 3, 4),
            "b": Versioned(("x",), 1, 2),
        }
        assert await states.as_of("a", 3) == Versioned(("1", "2"), 2, 3)

    async def test_states_follow_what_other_processes_write(self, start: StartLog) -> None:
        here, there = await start(), await start()
        states = States(here, SILENCE, texts)
        await here.append(append(noted("a", "1"), noted("b", "1")))
        await states.load_many(["a", "b"])

        done = await there.append(append(noted("a", "2"), at=1))
        await here.append(append(noted("b", "2"), at=1))

        assert await here.wait_for(done.position, 20)
        assert (await states.load("a")).state == ("1", "2")
        assert (await states.load("b")).state == ("1", "2")

    async def test_after_a_conflict_a_forgotten_state_is_fresh(self, start: StartLog) -> None:
        here, there = await start(), await start()
        states = States(here, SILENCE, texts)
        await here.append(append(noted("a", "1")))
        kept = await states.load("a")
        await there.append(append(noted("a", "2"), at=1))

        with pytest.raises(VersionConflict) as conflict:
            await here.append(append(noted("a", "3"), at=kept.version))
        states.forget(conflict.value.streams)

        assert await states.load("a") == Versioned(("1", "2"), 2, 2)
