"""Each request is answered once, and makes room for another."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from shared.eventlog import waiting as module
from shared.eventlog.groups import Batch, Known
from shared.eventlog.model import (
    Append,
    Appended,
    AppendUnsettled,
    LogFull,
    LogHead,
    LogUnavailable,
    VersionConflict,
)
from shared.eventlog.port import Tip
from shared.eventlog.waiting import Waiting
from tests.kit.noted import LONG_AGO, SOURCE, append, noted

TIP = Tip(LogHead(UUID(int=7), 1, 0, 0), b"", LONG_AGO)


def batch(known: Known, room: int = 128) -> Batch:
    return Batch(TIP, LONG_AGO, source=SOURCE, known=known, room=room)


def of(*streams: str) -> Append:
    return append(*map(noted, streams))


class Clock:
    """The part of a loop that tells the time and makes futures."""

    now = 100.0

    def time(self) -> float:
        return self.now

    def create_future(self) -> asyncio.Future[Appended]:
        return asyncio.get_running_loop().create_future()


async def test_so_many_events_may_wait_and_one_request_in_any_case(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "HELD_EVENTS_MAX", 3)
    larger = Waiting(1.0)
    larger.add(of("a", "b", "c", "d"))
    with pytest.raises(LogFull, match=r"^4 events wait$"):
        larger.add(of("e"))

    waiting = Waiting(1.0)
    waiting.add(of("a", "b"))
    waiting.add(of("c"))
    with pytest.raises(LogFull, match=r"^3 events wait$"):
        waiting.add(of("d"))
    assert len(waiting) == 2


async def test_whoever_is_answered_or_refused_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HELD_EVENTS_MAX", 5)
    waiting = Waiting(1.0)
    futures = [waiting.add(of("a", "b")), waiting.add(of("c")), waiting.add(of("d", "e"))]
    group = batch(Known(), room=3)
    assert waiting.fill(group, Known()) == []
    assert len(waiting) == 1

    waiting.answer(group.appended())
    assert [(await f).rows for f in futures[:2]] == [tuple(group.rows[:2]), tuple(group.rows[2:])]
    waiting.add(of("f", "g", "h"))
    with pytest.raises(LogFull, match=r"^5 events wait$"):
        waiting.add(of("i"))

    waiting.give_up_all("stopped")
    with pytest.raises(LogUnavailable, match=r"^stopped$"):
        await futures[2]
    waiting.add(of("a", "b", "c", "d"))
    waiting.add(of("e"))
    with pytest.raises(LogFull, match=r"^5 events wait$"):
        waiting.add(of("f"))


async def test_a_caller_that_is_gone_is_not_answered() -> None:
    waiting = Waiting(1.0)
    gone = waiting.add(of("a"))
    gone.cancel()
    group = batch(Known())
    waiting.fill(group, Known())

    waiting.answer(group.appended())

    assert gone.cancelled()


async def test_who_came_first_goes_first_also_after_it_was_put_off() -> None:
    waiting = Waiting(1.0)
    for stream in "ababc":
        waiting.add(append(noted(stream)))
    first = batch(Known())

    assert waiting.fill(first, Known()) == []

    assert [row.stream for row in first.rows] == ["a", "b", "c"]
    waiting.put_back(first.asks)
    assert len(waiting) == 5
    again = batch(Known())
    waiting.fill(again, Known())
    assert [row.stream for row in again.rows] == ["a", "b", "c"]


async def test_a_suspect_is_judged_unless_it_may_be_stored_already() -> None:
    known = Known()
    known.learn({"a": 1, "b": 1})
    waiting = Waiting(1.0)
    waiting.add(of("a"))
    waiting.add(of("b"))
    haunted = waiting._asks[1]
    haunted.ghosts = frozenset({(b"leaf",)})

    ((suspect, conflict),) = waiting.fill(batch(known), known)

    assert suspect.request.expected == {"a": 0}
    assert isinstance(conflict, VersionConflict)
    assert conflict.streams == ("a",)
    assert waiting.haunted() == [haunted]
    assert len(waiting) == 1


async def test_an_entry_that_cannot_be_made_is_its_callers() -> None:
    request = of("a")
    backwards = Append(request.events, request.expected, (), 1)
    waiting = Waiting(1.0)
    wrong, unknown, right = waiting.add(backwards), waiting.add(backwards), waiting.add(of("b"))
    waiting._asks[1].ghosts = frozenset({(b"leaf",)})
    group = batch(Known())

    assert waiting.fill(group, Known()) == []

    with pytest.raises(ValueError, match=r"^epoch 1 cannot begin in epoch 1$"):
        await wrong
    with pytest.raises(AppendUnsettled, match=r"^epoch 1 cannot begin in epoch 1$"):
        await unknown
    assert [row.stream for row in group.rows] == ["b"]
    assert not right.done()


async def test_patience_begins_with_the_first_trouble_and_ends_on_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting, clock = Waiting(2.0), Clock()
    monkeypatch.setattr(waiting, "_loop", clock)
    early = waiting.add(of("a"))
    waiting.give_up_the_old()
    clock.now = 101.0
    late = waiting.add(of("b"))
    waiting.give_up_the_old()
    clock.now = 101.9
    waiting.give_up_the_old()
    assert not early.done()

    clock.now = 102.0
    waiting.give_up_the_old()

    with pytest.raises(LogUnavailable, match=r"^not taken within 2.0 s$"):
        await early
    assert not late.done()
    assert len(waiting) == 1
    clock.now = 103.0
    waiting.give_up_the_old()
    assert late.done()
    assert late.exception() is not None


async def test_who_is_removed_is_still_to_be_answered() -> None:
    waiting = Waiting(1.0)
    first, second = waiting.add(of("a")), waiting.add(of("b"))

    waiting.remove([waiting._asks[0]])

    assert len(waiting) == 1
    assert not first.done()
    assert not second.done()
