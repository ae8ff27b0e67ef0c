"""How long storing waits, how many it takes together, and what it says of what goes wrong."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from shared.bus import storing
from shared.bus.entries import Arrived
from shared.bus.patience import Patience
from shared.bus.storing import STEADY, Keeper
from shared.eventlog.model import (
    Append,
    Appended,
    AppendUnsettled,
    Foreign,
    IdTaken,
    LogUnavailable,
    VersionConflict,
)
from tests.kit.sides import draft
from tests.unit.bus.receiving import ENG, Receiving, arrivals, entries

pytestmark = pytest.mark.timeout(20)


def in_trouble(
    receiving: Receiving, monkeypatch: pytest.MonkeyPatch, troubles: Sequence[Exception]
) -> list[tuple[str, int]]:
    """The log fails so often before it goes well; the pauses: after what, and which in a row."""
    left = list(troubles)
    append = receiving.log.append
    waited: list[tuple[str, int]] = []

    async def troubled(request: Append) -> Appended:
        if left:
            raise left.pop(0)
        return await append(request)

    async def pause(error: Exception, tries: int) -> None:
        waited.append((str(error), tries))

    monkeypatch.setattr(receiving.log, "append", troubled)
    monkeypatch.setattr(receiving.keeper._patience, "pause", pause)
    return waited


async def test_an_event_alone_waits_longer_after_each_try_and_its_races_are_counted(
    receiving: Receiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived = await arrivals(1)
    receiving.plain.fails_on = {1}
    away = LogUnavailable("away")
    races = VersionConflict(("OPS-1",))
    troubles = [races, away, races, AppendUnsettled("who knows"), away]
    waited = in_trouble(receiving, monkeypatch, troubles)
    await receiving.keeper.store(arrived)

    assert waited == [("away", 1), ("who knows", 2), ("away", 3)]
    assert receiving.keeper.conflicts == 2
    assert receiving.keeper.uninterpreted == 1
    assert await receiving.held() == entries(arrived)


async def test_a_batch_waits_longer_after_each_try(
    receiving: Receiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived = await arrivals(2)
    troubles = [LogUnavailable("away"), AppendUnsettled("who knows")]
    waited = in_trouble(receiving, monkeypatch, troubles)
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
