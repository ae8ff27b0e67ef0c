"""What every log keeps when it is appended to."""

from __future__ import annotations

import asyncio
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
    SequenceTaken,
    UniqueKey,
    VersionConflict,
)
from shared.events.codec import decode_head
from tests.conformance.eventlog_ground import Ground, StartLog, everything, outcomes
from tests.kit.clock import SettableClock
from tests.kit.noted import (
    CODEC,
    ELSEWHERE,
    FOREIGN_LOG,
    Noted,
    append,
    foreign,
    murmured,
    noted,
)


class Appending(Ground):
    # --- identity, order, density -----------------------------------------------------------------

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

    # --- refusals ---------------------------------------------------------------------------------

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

    # --- foreign rows -----------------------------------------------------------------------------

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
