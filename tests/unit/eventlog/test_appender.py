"""What becomes of an append when the database is in trouble, and what a group is made of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.eventlog.groups import GROUP_EVENTS_MAX
from shared.eventlog.log import EventLog
from shared.eventlog.model import (
    Append,
    Appended,
    AppendUnsettled,
    IdTaken,
    KeyTaken,
    LogFull,
    LogUnavailable,
    Row,
    UniqueKey,
    VersionConflict,
)
from shared.eventlog.port import Group
from shared.eventlog.waiting import HELD_EVENTS_MAX
from tests.kit.clock import SettableClock
from tests.kit.noted import CODEC, SOURCE, any_id, append, foreign, murmured, noted
from tests.kit.troubled_store import Trouble, TroubledStore
from tests.kit.waiting import eventually


@pytest.fixture
def store() -> TroubledStore:
    clock = SettableClock()
    return TroubledStore(lambda _: Trouble.NONE, source=SOURCE, clock=clock, new_id=any_id)


@pytest.fixture
async def log(store: TroubledStore) -> AsyncIterator[EventLog]:
    log = impatient(store, 0.2)
    await log.start()
    yield log
    store.away = False
    await log.stop()


@pytest.fixture
def heard(log: EventLog) -> list[Row]:
    rows: list[Row] = []
    log.on_commit(rows.extend)
    return rows


def impatient(store: TroubledStore, patience: float) -> EventLog:
    clock = SettableClock()
    return EventLog(
        store, source=SOURCE, codec=CODEC, clock=clock, patience=patience, jitter=lambda: 0.01
    )


def troubles(store: TroubledStore, *these: Trouble, then_away: bool = False) -> None:
    """One for each group to come; then none, or the database is away from the last one on."""
    coming: list[Trouble] = list(these)

    def next_one(_: object) -> Trouble:
        if not coming:
            return Trouble.NONE
        trouble = coming.pop(0)
        store.away = then_away and not coming
        return trouble

    store.trouble = next_one


async def stored(log: EventLog) -> list[Row]:
    return list(await log.store.read(0, 100_000))


async def outcomes(log: EventLog, *requests: Append) -> list[Appended | BaseException]:
    return await asyncio.gather(*map(log.append, requests), return_exceptions=True)


# --- a connection lost during the commit --------------------------------------------------------


async def test_a_stored_group_whose_answer_was_lost_is_found(
    store: TroubledStore, log: EventLog, heard: list[Row]
) -> None:
    troubles(store, Trouble.LOST_AFTER)

    done = await log.append(append(noted("a"), noted("b")))

    assert list(done.rows) == heard == await stored(log)
    assert done.versions == {"a": 1, "b": 1}
    assert log.head.position == 2


async def test_a_group_that_never_came_is_made_anew(
    store: TroubledStore, log: EventLog, heard: list[Row]
) -> None:
    troubles(store, Trouble.LOST_BEFORE, Trouble.LOST_BEFORE)

    done = await log.append(append(noted("a")))

    assert list(done.rows) == heard == await stored(log)


async def test_a_ghost_that_comes_late_is_stored_once(
    store: TroubledStore, log: EventLog, heard: list[Row]
) -> None:
    troubles(store, Trouble.LOST_AND_LATE, then_away=True)
    pending = asyncio.create_task(log.append(append(noted("a"))))
    await eventually(lambda: store.ghosts)

    assert await store.let_ghosts_go() == [True]
    store.away = False
    done = await pending

    assert list(done.rows) == heard == await stored(log)
    assert len(heard) == 1


async def test_a_ghost_that_comes_too_late_finds_the_log_elsewhere(
    store: TroubledStore, log: EventLog
) -> None:
    troubles(store, Trouble.LOST_AND_LATE)

    await log.append(append(noted("a")))

    assert await store.let_ghosts_go() == [False]
    assert len(await stored(log)) == 1


async def test_what_another_process_stored_a_part_of_is_not_taken_for_ones_own(
    store: TroubledStore, log: EventLog
) -> None:
    """Two receivers of one author: bytes that were received are the same whoever stores them."""
    other = impatient(store, 0.2)
    await other.start()
    events = [foreign("a", n) for n in (1, 2, 3)]
    troubles(store, Trouble.NONE, Trouble.LOST_BEFORE)
    store.meanwhile = lambda: other.append(append(*events[:2]))

    with pytest.raises(IdTaken):
        await log.append(append(*events))

    assert [row.sequence for row in await stored(log)] == [1, 2]
    await other.stop()


async def test_two_ghosts_in_a_row_are_each_stored_once(
    store: TroubledStore, log: EventLog, heard: list[Row]
) -> None:
    troubles(store, Trouble.LOST_AND_LATE, Trouble.LOST_AND_LATE, then_away=True)
    requests = [append(noted(f"s{n}")) for n in range(200)]
    pending = asyncio.gather(*map(log.append, requests))
    await eventually(lambda: len(store.ghosts) == 2)

    assert await store.let_ghosts_go() == [True, True]
    store.away = False
    await pending

    assert heard == await stored(log)
    assert sorted(row.stream for row in heard) == sorted(f"s{n}" for n in range(200))


async def test_a_later_group_that_is_stored_vouches_for_the_one_before(
    store: TroubledStore, log: EventLog, heard: list[Row]
) -> None:
    troubles(store, Trouble.LOST_AFTER, Trouble.NONE)

    done = await asyncio.gather(*[log.append(append(noted(f"s{n}"))) for n in range(200)])

    assert heard == await stored(log)
    assert [each.position for each in done] == list(range(1, 201))


async def test_an_id_that_somebody_else_recorded_meanwhile_is_not_ours(
    store: TroubledStore, log: EventLog
) -> None:
    draft = noted("a")
    other = impatient(store, 5)
    await other.start()
    troubles(store, Trouble.NONE, Trouble.LOST_BEFORE)
    store.meanwhile = lambda: other.append(append(murmured("b"), draft))

    with pytest.raises(IdTaken):
        await log.append(append(draft))
    await other.stop()


# --- a database that is away ----------------------------------------------------------------------


async def test_a_short_outage_is_only_a_delay(store: TroubledStore, log: EventLog) -> None:
    troubles(store, Trouble.AWAY, Trouble.AWAY, Trouble.AWAY)

    await log.append(append(noted("a")))

    assert len(await stored(log)) == 1


async def test_unavailable_means_that_nothing_was_written(
    store: TroubledStore, log: EventLog
) -> None:
    store.away = True

    with pytest.raises(LogUnavailable):
        await log.append(append(noted("a")))
    store.away = False

    assert await stored(log) == []
    await log.append(append(noted("a")))


async def test_who_cannot_know_says_so_and_the_same_append_tells(
    store: TroubledStore, log: EventLog
) -> None:
    request = append(noted("a"))
    troubles(store, Trouble.LOST_AFTER, then_away=True)
    pending = asyncio.create_task(log.append(request))

    with pytest.raises(AppendUnsettled):
        await pending
    store.away = False

    with pytest.raises(IdTaken):
        await log.append(request)
    assert len(await stored(log)) == 1


# --- limits and ends ------------------------------------------------------------------------------


async def test_a_group_holds_so_many_events_and_two_are_on_their_way(
    store: TroubledStore, log: EventLog
) -> None:
    await asyncio.gather(*[log.append(append(noted(f"s{n}"))) for n in range(1_000)])

    assert max(len(group.rows) for group in store.groups) == GROUP_EVENTS_MAX
    assert len(store.groups) == 8


async def test_too_many_at_once_are_refused_at_once(log: EventLog) -> None:
    requests = [append(noted(f"s{n}")) for n in range(HELD_EVENTS_MAX + 1)]

    done = await outcomes(log, *requests)

    assert isinstance(done[-1], LogFull)
    assert all(isinstance(each, Appended) for each in done[:-1])
    await log.append(requests[-1])


async def test_an_error_that_nobody_can_explain_is_told_to_its_cause_only(
    store: TroubledStore, log: EventLog
) -> None:
    def refuse_poison(group: Group) -> Trouble:
        if any(row.stream == "poison" for row in group.rows):
            raise RuntimeError("inexplicable")
        return Trouble.NONE

    store.trouble = refuse_poison

    before, poison, after = await outcomes(
        log, append(noted("a")), append(noted("poison")), append(noted("b"))
    )

    assert isinstance(poison, RuntimeError)
    assert isinstance(before, Appended)
    assert isinstance(after, Appended)


async def test_stopping_finishes_what_was_asked_and_refuses_what_comes_after(
    store: TroubledStore,
) -> None:
    log = impatient(store, 5)
    await log.start()
    asked = [asyncio.create_task(log.append(append(noted(f"s{n}")))) for n in range(300)]
    await asyncio.sleep(0)

    await log.stop()

    assert len([await each for each in asked]) == 300
    with pytest.raises(LogUnavailable):
        await log.append(append(noted("late")))


async def test_stopping_while_the_database_is_away_ends(store: TroubledStore) -> None:
    log = impatient(store, 0.05)
    await log.start()
    store.away = True
    asked = asyncio.create_task(log.append(append(noted("a"))))
    await asyncio.sleep(0)

    await log.stop()

    with pytest.raises(LogUnavailable):
        await asked


async def test_a_conflict_is_told_apart_from_what_was_done_before(log: EventLog) -> None:
    key = UniqueKey("scope", "k", "1")
    draft = noted("a")
    await log.append(append(draft, keys=(key,)))

    done, taken, behind = await outcomes(
        log, append(draft), append(noted("a"), keys=(key,)), append(noted("a"))
    )

    assert isinstance(done, IdTaken)
    assert isinstance(taken, KeyTaken)
    assert isinstance(behind, VersionConflict)


async def test_why_appending_fails_can_be_asked_until_it_goes_well(
    store: TroubledStore, log: EventLog
) -> None:
    """A log that can be read need not take anything: a disk may be full."""
    told = [log.trouble]
    store.trouble = lambda _: Trouble.AWAY
    with pytest.raises(LogUnavailable):
        await log.append(append(noted("a"), at={"a": 0}))
    told.append(log.trouble)

    store.trouble = lambda _: Trouble.NONE
    await log.append(append(noted("a"), at={"a": 0}))

    assert [*told, log.trouble] == [None, "away", None]
