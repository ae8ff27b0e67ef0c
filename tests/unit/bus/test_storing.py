"""Receiving is not interpreting: whatever goes wrong, each event is stored once and in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from shared.bus.patience import Patience
from shared.bus.storing import CannotStore, Keeper
from shared.eventlog.model import (
    Append,
    Appended,
    AppendUnsettled,
    Foreign,
    LogUnavailable,
    UniqueKey,
)
from shared.events.ids import derived_id
from tests.kit.sides import draft
from tests.unit.bus.receiving import ENG, Receiving, arrivals, entries

pytestmark = pytest.mark.timeout(20)


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
