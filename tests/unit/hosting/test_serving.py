"""Parts start in order and stop in the opposite one, whatever happens in between."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator

import pytest

from shared.hosting import serving
from shared.hosting.lifetime import FAILED, Lifetime
from shared.hosting.serving import Named, Periodic, run, run_parts
from shared.hosting.watchdog import Watchdog
from tests.kit.waiting import eventually


class Diary(list[str]):
    """What happened, in order."""

    def part(self, name: str, *, starts: bool = True, stops: bool = True) -> Named:
        async def start() -> None:
            if not starts:
                raise OSError(f"{name} cannot start")
            self.append(f"{name} started")

        async def stop() -> None:
            self.append(f"{name} stopped")
            if not stops:
                raise OSError(f"{name} cannot stop")

        return Named(name, start, stop)


@pytest.fixture
def diary() -> Diary:
    return Diary()


async def test_parts_stop_in_the_opposite_order(diary: Diary) -> None:
    lifetime = Lifetime()
    parts = [diary.part(name) for name in ("log", "exchange", "http")]

    running = asyncio.create_task(run_parts(parts, lifetime))
    await asyncio.sleep(0)
    lifetime.end("a test")

    assert await running == 0
    assert diary == [
        *("log started", "exchange started", "http started"),
        *("http stopped", "exchange stopped", "log stopped"),
    ]


async def test_a_part_that_cannot_start_stops_those_before_it(diary: Diary) -> None:
    parts = [diary.part("log"), diary.part("exchange", starts=False), diary.part("http")]

    with pytest.raises(OSError, match="exchange cannot start"):
        await run_parts(parts, Lifetime())

    assert diary == ["log started", "log stopped"]


async def test_a_part_that_cannot_stop_does_not_keep_the_others_from_it(diary: Diary) -> None:
    lifetime = Lifetime()
    lifetime_ends = diary.part("http", stops=False)

    running = asyncio.create_task(run_parts([diary.part("log"), lifetime_ends], lifetime))
    await asyncio.sleep(0)
    lifetime.end("a test")

    assert await running == FAILED
    assert diary[-2:] == ["http stopped", "log stopped"]


async def test_a_part_that_hangs_is_left_behind(
    diary: Diary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "STOP_SECONDS_MAX", 0.01)
    lifetime = Lifetime()

    async def start() -> None:
        lifetime.end("a test")

    async def stop() -> None:
        await asyncio.Event().wait()

    assert await run_parts([diary.part("log"), Named("stuck", start, stop)], lifetime) == FAILED
    assert diary[-1] == "log stopped"


async def test_a_part_that_fails_for_good_ends_the_service_with_a_code() -> None:
    lifetime = Lifetime()

    lifetime.fail("the connection is closed for good")
    lifetime.end("later, and of no account")

    assert await run_parts([], lifetime) == FAILED


async def test_something_periodic_goes_on_after_it_failed() -> None:
    twice = asyncio.Event()
    calls: Iterator[bool] = iter([True, False])

    async def action() -> None:
        if next(calls):
            raise OSError("not this time")
        twice.set()
        await asyncio.Event().wait()

    part = Periodic("sweeping", 0.001, action)
    await part.start()
    async with asyncio.timeout(5):
        await twice.wait()
    await part.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_service_in_good_order(number: signal.Signals, diary: Diary) -> None:
    async def main(lifetime: Lifetime) -> int:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)
        return await run_parts([diary.part("log")], lifetime)

    assert run(main) == 0
    assert diary == ["log started", "log stopped"]


class TestWatchdog:
    async def test_sees_a_blocked_loop(self, capfd: pytest.CaptureFixture[str]) -> None:
        ended = threading.Event()
        dog = Watchdog(beat_seconds=0.01, warn_beats=2, end_beats=5, end=ended.set)

        await dog.start()
        assert ended.wait(10)  # blocks this loop, as careless code would
        await dog.stop()

        assert "the event loop is blocked" in capfd.readouterr().out

    async def test_leaves_a_loop_alone_that_turns(self) -> None:
        ended = threading.Event()
        dog = Watchdog(beat_seconds=0.05, warn_beats=2, end_beats=3, end=ended.set)
        beats_before = dog._beats

        await dog.start()
        await eventually(lambda: dog._beats >= beats_before + 12)
        await dog.stop()

        assert not ended.is_set()
