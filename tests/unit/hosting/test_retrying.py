"""Trying again: in turns, bounded, and told what is old."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from shared.eventlog.model import VersionConflict
from shared.hosting.retrying import ATTEMPTS_MAX, Retrying


class Forgotten(list[str]):
    def __call__(self, streams: Iterable[str]) -> None:
        self.extend(streams)


async def test_an_attempt_that_lost_a_race_is_made_anew() -> None:
    forgotten = Forgotten()
    attempts = 0

    async def attempt() -> str:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise VersionConflict(("A-1",))
        return "done"

    assert await Retrying(forgotten)(["A-1"], attempt) == "done"
    assert attempts == 3
    assert forgotten == ["A-1", "A-1"]


async def test_it_ends() -> None:
    attempts = 0

    async def attempt() -> str:
        nonlocal attempts
        attempts += 1
        raise VersionConflict(("A-1",))

    with pytest.raises(VersionConflict):
        await Retrying(Forgotten())(["A-1"], attempt)

    assert attempts == ATTEMPTS_MAX


async def test_other_errors_are_not_retried() -> None:
    attempts = 0

    async def attempt() -> None:
        nonlocal attempts
        attempts += 1
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Retrying(Forgotten())(["A-1"], attempt)

    assert attempts == 1


async def test_attempts_on_one_stream_take_turns_in_the_order_they_came() -> None:
    retrying = Retrying(Forgotten())
    begun: list[int] = []
    at_work = 0

    async def attempt(number: int) -> None:
        nonlocal at_work
        begun.append(number)
        at_work += 1
        assert at_work == 1
        for _ in range(3):
            await asyncio.sleep(0)
        at_work -= 1

    await asyncio.gather(
        *(retrying(["A-1"], lambda number=number: attempt(number)) for number in range(20))  # type: ignore[misc]
    )

    assert begun == list(range(20))


async def test_attempts_on_streams_in_common_never_wait_for_each_other_in_a_ring() -> None:
    retrying = Retrying(Forgotten())

    async def attempt() -> None:
        await asyncio.sleep(0)

    async with asyncio.timeout(5):
        await asyncio.gather(
            *(retrying(["A", "B"], attempt) for _ in range(10)),
            *(retrying(["B", "A", "A"], attempt) for _ in range(10)),
        )


async def test_turns_are_forgotten_when_nobody_waits() -> None:
    retrying = Retrying(Forgotten())

    async def attempt() -> None:
        pass

    await retrying(["A-1"], attempt)

    assert len(retrying._turns) == 0
