"""The supervisor's promises, with parts that exist in memory only."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from caselog.embedded.process import StartFailed
from caselog.supervisor import Backoff, Supervisor
from tests.kit.waiting import eventually

AT_ONCE = Backoff(first=0.0, longest=0.0)


@dataclass
class MemoryPart:
    """Does what it is told and writes down what it was asked."""

    name: str
    asked: list[str] = field(default_factory=list)
    fails: int = 0
    hangs: bool = False
    """On stopping, until it is pressed."""
    ends: asyncio.Event = field(default_factory=asyncio.Event)
    pressed: asyncio.Event = field(default_factory=asyncio.Event)
    pid: int | None = None

    async def claim(self) -> None:
        self.asked.append(f"claim {self.name}")

    async def start(self) -> None:
        self.asked.append(f"start {self.name}")
        if self.fails:
            self.fails -= 1
            raise StartFailed(f"{self.name} does not start")
        self.ends.clear()

    async def waits_for(self) -> str:
        return "nothing"

    async def exited(self) -> int:
        await self.ends.wait()
        return -9

    async def stop(self, patience: float) -> None:
        self.asked.append(f"stop {self.name}")
        if self.hangs:
            await self.pressed.wait()
        self.asked.append(f"{self.name} stopped")

    def hurry(self) -> None:
        self.pressed.set()


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(said: list[str]) -> Supervisor:
    return Supervisor(said.append, AT_ONCE)


async def test_what_was_started_last_is_stopped_first(
    supervisor: Supervisor, asked: list[str]
) -> None:
    await supervisor.bring_up(MemoryPart("database", asked))
    await supervisor.bring_up(MemoryPart("service", asked))

    await supervisor.stop()

    assert asked == [
        *("start database", "start service"),
        *("stop service", "service stopped", "stop database", "database stopped"),
    ]


async def test_a_part_that_dies_is_started_again(
    supervisor: Supervisor, asked: list[str], said: list[str]
) -> None:
    part = MemoryPart("service", asked)
    await supervisor.bring_up(part)

    part.ends.set()
    await eventually(lambda: "service is back" in said)
    await supervisor.stop()

    assert asked.count("start service") == 2
    assert said[0] == "service ended (killed by signal 9)"


async def test_a_part_that_does_not_come_back_is_tried_again_and_again(
    supervisor: Supervisor, asked: list[str], said: list[str]
) -> None:
    part = MemoryPart("service", asked)
    await supervisor.bring_up(part)

    part.fails = 3
    part.ends.set()
    await eventually(lambda: "service is back" in said)
    await supervisor.stop()

    assert asked.count("start service") == 5
    assert said.count("service does not start") == 3


async def test_a_part_that_does_not_come_up_at_first_is_an_error_and_stop_still_reaches_all(
    supervisor: Supervisor, asked: list[str]
) -> None:
    good, bad = MemoryPart("good", asked), MemoryPart("bad", asked, fails=1)

    with pytest.raises(StartFailed, match="bad does not start"):
        await supervisor.bring_up(good, bad)
    await supervisor.stop()

    assert {"stop good", "stop bad"} <= set(asked)


async def test_a_part_that_is_being_stopped_is_not_started_again(
    supervisor: Supervisor, asked: list[str]
) -> None:
    part = MemoryPart("service", asked)
    await supervisor.bring_up(part)

    stopping = asyncio.create_task(supervisor.stop())
    part.ends.set()
    await stopping

    assert asked.count("start service") == 1


async def test_hurrying_ends_a_stop_that_takes_its_time(
    supervisor: Supervisor, asked: list[str]
) -> None:
    part = MemoryPart("service", asked, hangs=True)
    await supervisor.bring_up(part)
    stopping = asyncio.create_task(supervisor.stop())
    await eventually(lambda: "stop service" in asked)
    assert not stopping.done()

    supervisor.hurry()
    await stopping

    assert asked[-1] == "service stopped"


def test_waits_double_up_to_a_limit() -> None:
    backoff = Backoff(first=0.2, longest=1.0)

    assert [backoff.after(failures) for failures in (1, 2, 3, 4, 10_000)] == [0.2, 0.4, 0.8, 1, 1]
