"""What every log keeps, whatever it is stored in. Subclasses give ``connect``, nothing else.

``connect()`` opens the database of the test once more, as another process would.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from hashlib import sha256

import pytest

from shared.eventlog.log import EventLog
from shared.eventlog.model import (
    ENTRY_BYTES_MAX,
    Append,
    Appended,
    EntryTooLarge,
    IdTaken,
    KeyTaken,
    LogHead,
    Row,
    SequenceTaken,
    UniqueKey,
    VersionConflict,
)
from shared.eventlog.port import LogStore
from shared.eventlog.states import States, Versioned
from shared.events.codec import decode_head
from tests.kit.clock import SettableClock
from tests.kit.noted import (
    CODEC,
    ELSEWHERE,
    FOREIGN_LOG,
    SILENCE,
    SOURCE,
    Noted,
    any_id,
    append,
    foreign,
    murmured,
    noted,
    texts,
)

Connect = Callable[[], Awaitable[LogStore]]
StartLog = Callable[[], Awaitable[EventLog]]


async def outcomes(log: EventLog, *requests: Append) -> list[Appended | BaseException]:
    """All asked for in the same moment, so that they share a group."""
    return await asyncio.gather(*map(log.append, requests), return_exceptions=True)


async def everything(log: EventLog) -> list[Row]:
    return list(await log.store.read(0, 100_000))


class EventLogSuite:
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

    # --- identity, order, density -------------------------------------------------------------

    async def test_an_empty_log_has_an_identity_that_stays(self, start: StartLog) -> None:
        first, second = await start(), await start()

        assert first.head == second.head
        assert (first.head.epoch, first.head.position, first.head.sequence) == (1, 0, 0)

    async def test_positions_sequences_and_versions_are_dense(self, log: EventLog) -> None:
        await log.append(append(noted("a"), murmured("a"), noted("b")))
        await log.append(append(noted("a"), at=2))

        rows = await everything(log)

        assert [(r.position, r.stream, r.version, r.sequence) for r in rows] == [
            (1, "a", 1, 1),
            (2, "a", 2, None),
            (3, "b", 1, 2),
            (4, "a", 3, 3),
        ]
        assert log.head == LogHead(log.head.log, 1, 4, 3) == await log.store.head()

    async def test_what_is_answered_is_what_is_stored(self, log: EventLog) -> None:
        draft = noted("a", "hello")

        appended = await log.append(append(draft, noted("b")))

        assert list(appended.rows) == await everything(log)
        assert appended.versions == {"a": 1, "b": 1}
        assert appended.position == 2
        assert appended.rows[0].id == draft.id

    async def test_an_entry_is_the_event_and_its_leaf_is_its_hash(
        self, log: EventLog, clock: SettableClock
    ) -> None:
        draft = noted("a", "héllo")

        (row,) = (await log.append(append(draft))).rows

        event = CODEC.decode(row.type, row.entry)
        assert (event.id, event.subject, event.data) == (draft.id, "a", Noted(text="héllo"))
        assert (event.log, event.epoch, event.position, event.sequence) == (log.head.log, 1, 1, 1)
        assert event.recordedtime == row.recorded_at == clock.now
        assert row.leaf == sha256(b"\0" + row.entry).digest()

    async def test_requests_of_one_moment_are_each_stored_once_and_in_order(
        self, log: EventLog
    ) -> None:
        done = await asyncio.gather(*[log.append(append(noted(f"s{n}"))) for n in range(500)])

        assert [d.position for d in done] == list(range(1, 501))
        assert [r.position for r in await everything(log)] == list(range(1, 501))

    async def test_a_request_larger_than_a_group_is_stored_whole(self, log: EventLog) -> None:
        events = [noted("a", str(n)) for n in range(300)]

        large, small = await outcomes(log, append(*events), append(noted("b")))

        assert isinstance(large, Appended)
        assert large.versions == {"a": 300}
        assert isinstance(small, Appended)
        assert small.position == 301

    async def test_time_never_runs_backwards_in_the_log(
        self, start: StartLog, clock: SettableClock
    ) -> None:
        log, noon = await start(), clock.now
        await log.append(append(noted("a")))
        clock.advance(-3600)
        await log.append(append(noted("b")))
        other = await start()
        await other.append(append(noted("c")))

        assert [row.recorded_at for row in await everything(log)] == [noon] * 3

    # --- refusals -----------------------------------------------------------------------------

    async def test_a_version_conflict_fails_its_own_request_only(self, log: EventLog) -> None:
        await log.append(append(noted("a")))

        before, conflict, after = await outcomes(
            log, append(noted("b")), append(noted("a"), noted("c")), append(noted("d"))
        )

        assert isinstance(conflict, VersionConflict)
        assert conflict.streams == ("a",)
        assert isinstance(before, Appended)
        assert isinstance(after, Appended)
        assert [row.stream for row in await everything(log)] == ["a", "b", "d"]

    async def test_a_version_that_is_yet_to_come_is_a_conflict_too(self, log: EventLog) -> None:
        await log.append(append(noted("a")))

        with pytest.raises(VersionConflict):
            await log.append(append(noted("a"), at=2))
        with pytest.raises(VersionConflict):
            await log.append(append(noted("b"), at=1))

    async def test_of_two_for_the_same_version_one_wins(self, log: EventLog) -> None:
        first, second = await outcomes(log, append(noted("a")), append(noted("a")))

        assert isinstance(first, Appended)
        assert isinstance(second, VersionConflict)

    async def test_a_request_may_build_on_one_of_the_same_moment(self, log: EventLog) -> None:
        first, second = await outcomes(log, append(noted("a")), append(noted("a"), at=1))

        assert isinstance(first, Appended)
        assert isinstance(second, Appended)
        assert second.versions == {"a": 2}

    async def test_a_request_is_judged_by_what_is_stored_not_by_what_was_refused(
        self, log: EventLog
    ) -> None:
        key = UniqueKey("scope", "k", "1")
        await log.append(append(noted("x"), keys=(key,)))

        refused, same_version = await outcomes(
            log, append(noted("a"), keys=(key,)), append(noted("a"))
        )

        assert isinstance(refused, KeyTaken)
        assert isinstance(same_version, Appended)

    async def test_conflicts_between_processes(self, start: StartLog) -> None:
        here, there = await start(), await start()
        await here.append(append(noted("a")))
        await there.append(append(noted("b")))

        with pytest.raises(VersionConflict):
            await there.append(append(noted("a")))
        with pytest.raises(VersionConflict):
            await here.append(append(noted("b"), at=2))
        done = await here.append(append(noted("a"), noted("b"), at=1))

        assert done.position == 4
        assert done.versions == {"a": 2, "b": 2}

    async def test_two_processes_write_one_dense_log(self, start: StartLog) -> None:
        logs = [await start(), await start()]

        await asyncio.gather(
            *[logs[n % 2].append(append(noted(f"s{n}"), murmured(f"s{n}"))) for n in range(200)]
        )

        rows = await everything(logs[0])
        assert [r.position for r in rows] == list(range(1, 401))
        assert [r.sequence for r in rows if r.sequence] == list(range(1, 201))
        assert {r.stream for r in rows} == {f"s{n}" for n in range(200)}

    async def test_a_taken_key_names_its_holder(self, log: EventLog) -> None:
        key = UniqueKey("scope", "k", "mine")
        await log.append(append(noted("a"), keys=(key,)))

        with pytest.raises(KeyTaken) as refusal:
            await log.append(append(noted("b"), keys=(UniqueKey("scope", "k", "yours"),)))

        assert refusal.value.taken == key
        assert await log.store.taken("scope", ["k", "other"]) == {"k": "mine"}
        assert await log.store.taken("elsewhere", ["k"]) == {}
        assert log.head.position == 1

    async def test_one_key_twice_in_a_moment_is_taken_once(self, log: EventLog) -> None:
        one = append(noted("a"), keys=(UniqueKey("scope", "k", "1"),))
        two = append(noted("b"), keys=(UniqueKey("scope", "k", "2"),))

        first, second = await outcomes(log, one, two)

        assert isinstance(first, Appended)
        assert isinstance(second, KeyTaken)
        assert second.taken.value == "1"

    async def test_an_id_is_recorded_once(self, log: EventLog) -> None:
        draft = noted("a")
        await log.append(append(draft))

        again, elsewhere, fine = await outcomes(
            log,
            append(draft, at=1),
            append(noted("b"), noted("c", event_id=draft.id)),
            append(noted("d")),
        )

        assert isinstance(again, IdTaken)
        assert again.ids == (draft.id,)
        assert isinstance(elsewhere, IdTaken)
        assert isinstance(fine, Appended)
        assert log.head.position == 2

    async def test_one_id_twice_in_a_moment_is_recorded_once(self, log: EventLog) -> None:
        draft = noted("a")

        first, second = await outcomes(log, append(draft), append(draft))

        assert isinstance(first, Appended)
        assert isinstance(second, IdTaken)

    async def test_what_has_been_done_is_told_before_what_has_moved_on(
        self, start: StartLog
    ) -> None:
        log = await start()
        request = append(noted("a"), keys=(UniqueKey("scope", "k", "1"),))
        await log.append(request)
        elsewhere = await start()

        for process in (log, elsewhere):
            with pytest.raises(IdTaken):
                await process.append(request)
            with pytest.raises(KeyTaken):
                await process.append(append(noted("a"), keys=request.keys))

    async def test_an_entry_too_large_fails_alone(self, log: EventLog) -> None:
        small = append(noted("a"))
        large = append(noted("b"), noted("b", "x" * ENTRY_BYTES_MAX))

        first, refused, last = await outcomes(log, small, large, append(noted("c")))

        assert isinstance(refused, EntryTooLarge)
        assert isinstance(first, Appended)
        assert isinstance(last, Appended)
        assert last.position == 2

    async def test_what_no_log_could_take_is_a_programming_error(self, log: EventLog) -> None:
        draft = noted("a")
        for request in (
            append(),
            Append((draft,), {}),
            Append((draft,), {"a": 0, "b": 0}),
            Append((draft,), {"a": -1}),
            append(draft, draft),
            append(noted("")),
            append(noted("nul\0")),
            append(noted("x" * 1000)),
            append(draft, keys=(UniqueKey("", "k", "v"),)),
            append(draft, keys=(UniqueKey("s", "k" * 3000, "v"),)),
            append(draft, keys=(UniqueKey("s", "k", "v"), UniqueKey("s", "k", "w"))),
        ):
            with pytest.raises(ValueError, match=r"."):
                await log.append(request)

        assert log.head.position == 0

    # --- foreign rows -------------------------------------------------------------------------

    async def test_a_foreign_entry_is_stored_as_it_came(self, log: EventLog) -> None:
        event = foreign("a", 1, text="from afar")

        appended = await log.append(append(noted("a"), event, murmured("a")))

        row = appended.rows[1]
        assert (row.entry, row.id, row.source) == (event.entry, event.id, ELSEWHERE)
        assert (row.position, row.version, row.sequence) == (2, 2, 1)
        assert row.leaf == sha256(b"\0" + event.entry).digest()
        assert decode_head(row.entry).log == FOREIGN_LOG
        assert log.head.sequence == 1, "only what is said here counts"

    async def test_what_is_held_of_an_author(self, log: EventLog) -> None:
        assert await log.store.received(ELSEWHERE) is None

        events = [foreign("a", n) for n in (1, 2, 3)]
        appended = await log.append(append(*events))

        held = await log.store.received(ELSEWHERE)
        assert held is not None
        assert (held.log, held.epoch, held.sequence) == (FOREIGN_LOG, 1, 3)
        assert held.leaf == appended.rows[-1].leaf
        leaves = await log.store.received_leaves(ELSEWHERE, 1, [2, 3, 4])
        assert leaves == {2: appended.rows[1].leaf, 3: appended.rows[2].leaf}
        assert await log.store.received_leaves(ELSEWHERE, 2, [2]) == {}

    async def test_an_authors_number_is_held_by_one_event(self, log: EventLog) -> None:
        event = foreign("a", 1)
        await log.append(append(event))

        same, other = await outcomes(
            log, append(event, at=1), append(foreign("b", 1), noted("c"), at={"b": 0, "c": 0})
        )

        assert isinstance(same, IdTaken)
        assert isinstance(other, SequenceTaken)
        assert (other.source, other.epoch, other.sequence) == (ELSEWHERE, 1, 1)

    # --- reading ------------------------------------------------------------------------------

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

    # --- keys and numbers ---------------------------------------------------------------------

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

    # --- being told ---------------------------------------------------------------------------

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

        assert await here.wait_for(done.position, 5)
        assert (await here.changed(0)).position == done.position
        assert not await here.wait_for(done.position + 1, 0.01)
        assert seen == [], "only this process's commits are delivered"

    async def test_an_append_outlives_its_caller(self, log: EventLog) -> None:
        caller = asyncio.create_task(log.append(append(noted("a"))))
        await asyncio.sleep(0)
        caller.cancel()

        assert (await log.changed(0)).position == 1

    # --- states -------------------------------------------------------------------------------

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
