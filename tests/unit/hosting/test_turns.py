"""Turns: one at a time, in order, whoever gives up."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from shared.hosting.turns import Turns


async def settled(*tasks: asyncio.Task[None]) -> None:
    """Lets everybody go as far as they can."""
    for _ in range(5):
        await asyncio.sleep(0)


class Queue:
    """Takers of one name, each of which notes that its turn has come, and keeps it."""

    def __init__(self, takers: int) -> None:
        self.turns = Turns()
        self.came: list[int] = []
        self.tasks = [asyncio.create_task(self._take(n)) for n in range(takers)]

    async def _take(self, number: int) -> None:
        await self.turns.take("A-1")
        self.came.append(number)

    async def cancel(self, number: int) -> None:
        self.tasks[number].cancel()
        with suppress(asyncio.CancelledError):
            await self.tasks[number]


async def test_turns_come_one_by_one_in_the_order_of_asking() -> None:
    queue = Queue(3)
    for n in range(3):
        await settled()
        assert queue.came == list(range(n + 1))
        queue.turns.give_back("A-1")

    assert len(queue.turns) == 0


async def test_names_do_not_wait_for_each_other() -> None:
    turns = Turns()

    await turns.take("A-1")
    await turns.take("A-2")

    assert len(turns) == 2


async def test_who_gives_up_waiting_is_passed_over() -> None:
    queue = Queue(3)
    await settled()
    await queue.cancel(1)
    queue.turns.give_back("A-1")
    await settled()

    assert queue.came == [0, 2]
    queue.turns.give_back("A-1")
    assert len(queue.turns) == 0


async def test_who_gives_up_as_the_turn_comes_hands_it_on() -> None:
    queue = Queue(3)
    await settled()
    queue.turns.give_back("A-1")
    await queue.cancel(1)
    await settled()

    assert queue.came == [0, 2]
    queue.turns.give_back("A-1")
    assert len(queue.turns) == 0


async def test_who_gives_up_last_leaves_nothing_behind() -> None:
    queue = Queue(2)
    await settled()
    queue.turns.give_back("A-1")
    await queue.cancel(1)

    assert queue.came == [0]
    assert len(queue.turns) == 0
