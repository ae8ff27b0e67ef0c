"""``caselog tail``: one line for each entry as it is recorded, whatever the services do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.e2e.desk import Desk
from tests.kit.command import RunningCommand, running
from tests.kit.stack import RunningUp, kill_part
from tests.kit.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]


@asynccontextmanager
async def tailing(stack: RunningUp, *arguments: str) -> AsyncIterator[RunningCommand]:
    """A tail that follows already: from now on it misses nothing."""
    async with running("tail", *arguments, data=stack.data, columns=200) as tail:
        await eventually(lambda: following(tail), 30, describe=lambda: (tail.out, tail.err))
        yield tail


def following(tail: RunningCommand) -> bool:
    return any(line.startswith("caselog: following ") for line in tail.err)


async def printed(tail: RunningCommand, *words: str, times: int = 1) -> list[str]:
    """The lines that hold these words, once there are so many."""

    def lines() -> list[str]:
        return [line for line in tail.out if all(word in line for word in words)]

    await eventually(lambda: len(lines()) >= times, 30, describe=lambda: (tail.out, tail.err))
    return lines()


async def test_both_logs_are_followed_each_with_what_it_recorded(
    stack: RunningUp, desk: Desk
) -> None:
    async with tailing(stack) as tail:
        key = await desk.open()
        await desk.comment(key, "On every phone.")

        (own,) = await printed(tail, "ops ", key, "commented")
        (received,) = await printed(tail, "eng ", key, "commented")

    assert "commented person:tier2  comment: On every phone.; visibility: internal" in own
    assert "commented (received) person:tier2" in received


async def test_one_case_alone_is_followed(stack: RunningUp, desk: Desk) -> None:
    one, other = await desk.open(), await desk.open()
    async with tailing(stack, "ops", "--case", one) as tail:
        await desk.comment(other, "not to be seen")
        await desk.comment(one, "the last")
        await printed(tail, "the last")

    assert [one in line for line in tail.out] == [True]
    assert tail.err[0] == f"caselog: following ops, only {one}; Ctrl-C ends it"


async def test_what_people_write_stays_on_one_line_and_acts_on_no_terminal(
    stack: RunningUp, desk: Desk
) -> None:
    key = await desk.open()
    async with tailing(stack, "ops", "--case", key) as tail:
        # Line ends of Unicode stand unescaped in an entry.
        await desk.comment(key, "a\u2028b\u0085c\nd \x1b]0;owned\x07 \u202e")
        await desk.comment(key, "x" * 100_000)
        (line,) = await printed(tail, "comment: a b c d ")
        (long,) = await printed(tail, "comment: xxx")

    assert r"\x1b]0;owned\x07 \u202e" in line
    assert len(long) < 300


async def test_a_service_that_is_killed_is_followed_again_and_nothing_is_missed(
    stack: RunningUp, desk: Desk
) -> None:
    key = await desk.open()
    async with tailing(stack, "both", "--case", key) as tail:
        await desk.comment(key, "before")
        await printed(tail, "before", times=2)
        kill_part(stack.data, "ops")
        await eventually(lambda: any("ops ended its stream" in line for line in tail.err), 30)
        await eventually(lambda: desk.is_ready("ops"), 60, every=0.1)
        for number in range(3):
            await desk.comment(key, f"after-{number}")

        await printed(tail, "after-", times=6)
        ops = [line.split() for line in tail.out if line.startswith("ops ")]

    places = [int(words[1]) for words in ops]
    assert len(places) == 4
    assert places == sorted(set(places))
