"""Receiving is not interpreting: whatever goes wrong, each event is stored once and in order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from shared.bus import storing
from shared.bus.entries import Arrived, Author
from shared.bus.patience import Patience
from shared.bus.storing import STEADY, CannotStore, Keeper
from shared.eventlog.log import EventLog
from shared.eventlog.model import (
    Append,
    Appended,
    AppendUnsettled,
    Foreign,
    IdTaken,
    LogUnavailable,
    UniqueKey,
    VersionConflict,
)
from shared.events.ids import derived_id
from shared.hosting.clock import utc_now
from tests.kit.sides import CODEC, PlainInterpreter, draft, memory_store

pytestmark = pytest.mark.timeout(20)

ENG = Author("eng")


async def arrivals(count: int) -> list[Arrived]:
    """Events as Engineering published them, on three cases."""
    log = EventLog(memory_store("eng"), source=ENG.source, codec=CODEC, clock=utc_now)
    await log.start()
    versions = dict.fromkeys(["OPS-1", "OPS-2", "OPS-3"], 0)
    arrived: list[Arrived] = []
    for number in range(count):
        stream = f"OPS-{number % 3 + 1}"
        request = Append((draft("eng", stream),), {stream: versions[stream]})
        (row,) = (await log.append(request)).rows
        versions[stream] += 1
        assert row.sequence is not None
        arrived.append(
            Arrived(
                log.head.log,
                Foreign(row.id, stream, row.type, row.source, row.epoch, row.sequence, row.entry),
            )
        )
    await log.stop()
    return arrived


class Receiving:
    """Operations' log and a keeper for what Engineering says."""

    def __init__(self) -> None:
        source = "/caselog/ops"
        self.log = EventLog(memory_store("ops"), source=source, codec=CODEC, clock=utc_now)
        self.plain = PlainInterpreter(self.log)
        self.change: Callable[[Append, Sequence[Foreign]], Append] = lambda append, _: append
        self.asked: list[int] = []
        self.keeper = Keeper(self.log, ENG, self, Patience("a test"))

    async def interpret(self, batch: Sequence[Foreign]) -> Append:
        self.asked.append(len(batch))
        return self.change(await self.plain.interpret(batch), batch)

    async def held(self) -> list[bytes]:
        rows = await self.log.store.read(0, 1_000)
        return [row.entry for row in rows if row.source == ENG.source]

    async def say(self, stream: str = "OPS-1") -> None:
        rows = await self.log.store.read_streams([stream])
        version = rows[-1].version if rows else 0
        await self.log.append(Append((draft("ops", stream),), {stream: version}))


@pytest.fixture
async def receiving() -> AsyncIterator[Receiving]:
    receiving = Receiving()
    await receiving.log.start()
    await receiving.keeper.look()
    yield receiving
    await receiving.log.stop()


def entries(arrived: Sequence[Arrived]) -> list[bytes]:
    return [each.event.entry for each in arrived]


async def test_a_batch_is_one_append(receiving: Receiving) -> None:
    arrived = await arrivals(30)

    await receiving.keeper.store(arrived)

    assert await receiving.held() == entries(arrived)
    assert receiving.asked == [30]
    assert receiving.keeper.sequence == 30


async def test_what_is_held_is_not_stored_again(receiving: Receiving) -> None:
    arrived = await arrivals(10)
    await receiving.keeper.store(arrived[:6])

    await receiving.keeper.store(arrived[3:])

    assert await receiving.held() == entries(arrived)


async def test_a_keeper_knows_what_was_held_before_it_began(receiving: Receiving) -> None:
    await receiving.keeper.store(await arrivals(3))
    later = Keeper(receiving.log, ENG, receiving, Patience("a test"))
    await later.look()
    assert later.held == receiving.keeper.held


async def test_the_events_that_an_interpreter_fails_on_are_stored_without_what_follows(
    receiving: Receiving,
) -> None:
    arrived = await arrivals(40)
    receiving.plain.fails_on = {7, 8, 33}

    await receiving.keeper.store(arrived)

    assert await receiving.held() == entries(arrived)
    assert receiving.keeper.uninterpreted == 3


WRONG: dict[str, Callable[[Append, Sequence[Foreign]], Append]] = {
    "leaves one out": lambda append, _: replace(append, events=append.events[1:]),
    "reverses them": lambda append, _: replace(append, events=append.events[::-1]),
    "changes one": lambda append, batch: replace(
        append, events=(replace(batch[0], entry=b"{}"), *append.events[1:])
    ),
    "takes a taken key": lambda append, _: replace(append, keys=(UniqueKey("s", "k", "v"),)),
    "expects the wrong streams": lambda append, _: replace(append, expected={}),
    "answers nothing at all": lambda append, _: None,  # type: ignore[dict-item, return-value]
}


@pytest.mark.parametrize("what", WRONG)
async def test_an_interpreter_that_does_wrong_cannot_change_what_is_stored(
    receiving: Receiving, what: str
) -> None:
    arrived = await arrivals(4)
    await receiving.log.store.keep([UniqueKey("s", "k", "held")])

    def wrong(append: Append, batch: Sequence[Foreign]) -> Append:
        third = any(event.sequence == 3 for event in batch)
        # Reversing or leaving out one of one changes nothing, or leaves nothing.
        return WRONG[what](append, batch) if third else append

    receiving.change = wrong
    await receiving.keeper.store(arrived)

    assert await receiving.held() == entries(arrived)


async def test_a_reaction_that_is_recorded_already_does_not_hold_up_its_cause(
    receiving: Receiving,
) -> None:
    arrived = await arrivals(3)
    reaction_id = derived_id(arrived[1].event.id, "a reaction")
    await receiving.log.append(Append((draft("ops", "OPS-9", reaction_id),), {"OPS-9": 0}))

    def react(append: Append, batch: Sequence[Foreign]) -> Append:
        if arrived[1].event not in batch:
            return append
        again = draft("ops", "OPS-9", reaction_id)
        return Append((*append.events, again), {**append.expected, "OPS-9": 1})

    receiving.change = react
    await receiving.keeper.store(arrived)

    assert await receiving.held() == entries(arrived)


async def test_a_lost_race_is_run_again(receiving: Receiving) -> None:
    arrived = await arrivals(3)
    races = iter([True, True])
    interpret = receiving.plain.interpret

    async def overtaken(batch: Sequence[Foreign]) -> Append:
        append = await interpret(batch)
        if next(races, False):
            await receiving.say()
        return append

    receiving.plain.interpret = overtaken  # type: ignore[method-assign]
    await receiving.keeper.store(arrived)

    assert await receiving.held() == entries(arrived)
    assert receiving.keeper.conflicts == 2
    assert receiving.keeper.uninterpreted == 0


async def test_a_batch_that_always_loses_is_tried_in_parts(receiving: Receiving) -> None:
    arrived = await arrivals(8)
    interpret = receiving.plain.interpret

    async def overtaken(batch: Sequence[Foreign]) -> Append:
        append = await interpret(batch)
        if len(batch) > 2:
            await receiving.say()
        return append

    receiving.plain.interpret = overtaken  # type: ignore[method-assign]
    await receiving.keeper.store(arrived)

    assert await receiving.held() == entries(arrived)


async def test_how_many_go_together_is_remembered_and_grows_again(receiving: Receiving) -> None:
    """Large batches that lose every race, each time anew, would cost more than the work itself."""
    arrived = await arrivals(72)
    interpret = receiving.plain.interpret
    busy = True

    async def overtaken(batch: Sequence[Foreign]) -> Append:
        append = await interpret(batch)
        if busy and len(batch) > 4:
            await receiving.say()
        return append

    receiving.plain.interpret = overtaken  # type: ignore[method-assign]
    await receiving.keeper.store(arrived[:16])
    assert receiving.asked == [*[16] * 3, *[8] * 3, 4, 4, 4, 4]

    await receiving.keeper.store(arrived[16:32])
    assert receiving.asked[-4:] == [4, 4, 4, 4]  # eight went well by now

    busy = False
    await receiving.keeper.store(arrived[32:])
    assert receiving.asked[-5:] == [8, 8, 8, 8, 8]
    assert await receiving.held() == entries(arrived)


@pytest.mark.parametrize("error", [LogUnavailable("away"), AppendUnsettled("who knows")])
async def test_a_log_that_is_away_is_waited_for(
    receiving: Receiving, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    arrived = await arrivals(5)
    append = receiving.log.append
    troubles = iter([False, True])  # the second time it was stored, and nobody was told

    async def troubled(request: Append) -> Appended:
        stores: Any = next(troubles, None)
        if stores is None:
            return await append(request)
        if stores:
            await append(request)
        raise error

    monkeypatch.setattr(receiving.log, "append", troubled)
    await receiving.keeper.store(arrived)

    assert await receiving.held() == entries(arrived)


async def test_an_event_whose_id_another_has_cannot_be_stored(receiving: Receiving) -> None:
    arrived = await arrivals(2)
    taken = draft("ops", "OPS-1", arrived[1].event.id)
    await receiving.log.append(Append((taken,), {"OPS-1": 0}))

    with pytest.raises(CannotStore, match=r"^event 2: recorded before: "):
        await receiving.keeper.store(arrived)

    assert await receiving.held() == entries(arrived[:1])


async def test_what_another_process_stored_meanwhile_is_left_alone(receiving: Receiving) -> None:
    arrived = await arrivals(6)
    other = Keeper(receiving.log, ENG, receiving.plain, Patience("another"))
    await other.store(arrived[:4])

    await receiving.keeper.store(arrived)

    assert await receiving.held() == entries(arrived)
    assert receiving.keeper.sequence == 6


async def test_an_event_alone_waits_longer_after_each_try_and_its_races_are_counted(
    receiving: Receiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived = await arrivals(1)
    receiving.plain.fails_on = {1}
    append = receiving.log.append
    away = LogUnavailable("away")
    races = VersionConflict(("OPS-1",))
    troubles: list[Exception] = [races, away, races, AppendUnsettled("who knows"), away]
    waited: list[tuple[str, int]] = []

    async def troubled(request: Append) -> Appended:
        if troubles:
            raise troubles.pop(0)
        return await append(request)

    async def pause(error: Exception, tries: int) -> None:
        waited.append((str(error), tries))

    monkeypatch.setattr(receiving.log, "append", troubled)
    monkeypatch.setattr(receiving.keeper._patience, "pause", pause)
    await receiving.keeper.store(arrived)

    assert waited == [("away", 1), ("who knows", 2), ("away", 3)]
    assert receiving.keeper.conflicts == 2
    assert receiving.keeper.uninterpreted == 1
    assert await receiving.held() == entries(arrived)


async def test_a_batch_waits_longer_after_each_try(
    receiving: Receiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived = await arrivals(2)
    append = receiving.log.append
    troubles: list[Exception] = [LogUnavailable("away"), AppendUnsettled("who knows")]
    waited: list[tuple[str, int]] = []

    async def troubled(request: Append) -> Appended:
        if troubles:
            raise troubles.pop(0)
        return await append(request)

    async def pause(error: Exception, tries: int) -> None:
        waited.append((str(error), tries))

    monkeypatch.setattr(receiving.log, "append", troubled)
    monkeypatch.setattr(receiving.keeper._patience, "pause", pause)
    await receiving.keeper.store(arrived)

    assert waited == [("away", 1), ("who knows", 2)]
    assert receiving.keeper.stored == 2


@pytest.fixture
def four(receiving: Receiving, monkeypatch: pytest.MonkeyPatch) -> Receiving:
    """At most four events are stored together."""
    monkeypatch.setattr(storing, "TOGETHER_MAX", 4)
    receiving.keeper = Keeper(receiving.log, ENG, receiving, Patience("a test"))
    return receiving


async def test_no_more_than_so_many_go_together_however_well_it_goes(four: Receiving) -> None:
    await four.keeper.store(await arrivals(48))

    assert four.asked == [4] * 12


async def test_after_an_event_that_was_alone_as_many_as_ever_go_together(four: Receiving) -> None:
    arrived = await arrivals(13)
    four.plain.fails_on = {1}

    await four.keeper.store(arrived)

    assert four.asked == [4, 2, 1, 4, 4, 4]
    assert await four.held() == entries(arrived)


async def test_twice_as_many_are_tried_after_so_many_went_well(four: Receiving) -> None:
    arrived = await arrivals(4 + 8 + 16 + 4)
    failed: list[int] = []

    def fails_twice(append: Append, batch: Sequence[Foreign]) -> Append:
        if len(failed) < 2:
            failed.append(len(batch))
            raise ValueError("too many")
        return append

    await four.keeper.store(arrived[:4])
    four.change = fails_twice
    await four.keeper.store(arrived[4:])

    assert four.asked == [4, 4, 2, *[1] * STEADY, *[2] * STEADY, 4]
    assert failed == [4, 2]


async def test_what_the_interpreter_did_wrong_is_said_and_which_event_it_was(
    receiving: Receiving, caplog: pytest.LogCaptureFixture
) -> None:
    arrived = await arrivals(3)
    receiving.change = lambda append, batch: replace(append, events=append.events[1:])
    said: list[str | None] = []
    alone = receiving.keeper._alone

    async def heard(arrived: Arrived) -> None:
        said.append(receiving.keeper.last_error)
        await alone(arrived)

    receiving.keeper._alone = heard  # type: ignore[method-assign]
    await receiving.keeper.store(arrived[:1])
    await receiving.keeper.store(arrived[1:])

    assert said == ["ValueError('the interpreter left out, added or reordered events')"] * 3
    assert [record.message for record in caplog.records] == ["cannot interpret an event"] * 3
    ids = [record.__dict__["event_id"] for record in caplog.records]
    assert ids == [str(each.event.id) for each in arrived]
    assert (receiving.keeper.stored, receiving.keeper.last_error) == (3, None)


async def test_why_an_event_is_stored_alone_is_said(receiving: Receiving) -> None:
    arrived = await arrivals(1)
    taken = draft("ops", "OPS-9")
    await receiving.log.append(Append((taken,), {"OPS-9": 0}))

    def react(append: Append, _: Sequence[Foreign]) -> Append:
        return Append((*append.events, taken), {**append.expected, "OPS-9": 1})

    receiving.change = react
    assert not await receiving.keeper._together(arrived)
    assert receiving.keeper.last_error == repr(IdTaken((taken.id,)))


@pytest.mark.parametrize("count", [1, 2])
async def test_one_event_runs_again_for_ever_and_two_are_parted(
    receiving: Receiving, count: int
) -> None:
    arrived = await arrivals(count)
    races = iter([True] * 5)
    interpret = receiving.plain.interpret

    async def overtaken(batch: Sequence[Foreign]) -> Append:
        append = await interpret(batch)
        if next(races, False):
            await receiving.say()
        return append

    receiving.plain.interpret = overtaken  # type: ignore[method-assign]
    await receiving.keeper.store(arrived)

    assert receiving.asked == ([1] * 6 if count == 1 else [2, 2, 2, 1, 1, 1, 1])
    assert receiving.keeper.uninterpreted == 0
