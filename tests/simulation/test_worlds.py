"""Worlds in which everything goes wrong, and nothing is lost, doubled or forgotten."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.simulation.fresh import first_seed
from tests.simulation.loop import NothingToDo, Process, SimLoop
from tests.simulation.running import failed_before, run_seeds, told
from tests.simulation.weather import COMMIT_FAULTS, EVENTS, KNOB, MESSAGE_FAULTS, POISON
from tests.simulation.world import World, run_seed

SHARDS = 4
SHARD_S = 10.0
SHARD_SEEDS = 100_000

pytestmark = pytest.mark.simulation


@pytest.mark.parametrize("shard", range(SHARDS))
def test_fresh_worlds(shard: int) -> None:
    first = first_seed() + shard * SHARD_SEEDS

    summary = run_seeds(range(first, first + SHARD_SEEDS), SHARD_S)

    assert not summary.broken, "\n".join(told(outcome) for outcome in summary.broken)


@pytest.mark.parametrize("seed", failed_before())
def test_worlds_that_broke_once(seed: int) -> None:
    outcome = run_seed(seed)

    assert outcome.check is None, told(outcome)


def test_every_kind_of_trouble_strikes_and_people_get_something_done() -> None:
    summary = run_seeds(range(60))

    kinds = {*MESSAGE_FAULTS, *COMMIT_FAULTS, *EVENTS, POISON, KNOB}
    assert {kind for kind in kinds if not summary.faults[kind]} == set()
    told_to_somebody = {"commands ok", "commands refused", "intake recorded", "intake refused"}
    assert {what for what in told_to_somebody if not summary.counts[what]} == set()


@pytest.mark.parametrize("seed", [1, 2, 3, 5, 8])
def test_a_seed_is_one_world(seed: int) -> None:
    first, second = World(seed).run(), World(seed).run()

    assert first == second
    assert first.digest != World(seed + 1).run().digest


def test_nothing_asks_the_real_clock_or_real_chance() -> None:
    """Each call of a builtin is looked at while a few worlds are lived through."""
    asked: set[str] = set()

    def look(frame: Any, event: str, called: Any) -> None:
        # Hypothesis, where it is loaded, times the garbage collector.
        if event == "c_call" and _is_real(called) and "hypothesis" not in frame.f_code.co_filename:
            asked.add(f"{called.__qualname__} in {frame.f_code.co_filename}:{frame.f_lineno}")

    sys.setprofile(look)
    try:
        for seed in range(6):
            World(seed).run()
    finally:
        sys.setprofile(None)

    assert asked == set()


def _is_real(called: Callable[..., Any]) -> bool:
    name, module = called.__name__, getattr(called, "__module__", None)
    if (module == "time" and name != "get_clock_info") or name in {
        "urandom",
        "getrandom",
        "uuid7",
        "uuid4",
    }:
        return True
    owner = getattr(called, "__self__", None)
    if name in {"now", "utcnow", "today"} and isinstance(owner, type):
        return issubclass(owner, datetime)
    return owner is _THE_DICE


_THE_DICE = sys.modules["random"]._inst


class TestLoop:
    def test_time_jumps_to_the_next_timer(self) -> None:
        loop, seen = SimLoop(), []
        loop.call_later(3600, lambda: seen.append(loop.time()))
        loop.call_later(7200, loop.stop)

        loop.run_forever()

        assert seen == [3600]
        loop.bury()

    def test_who_waits_for_nothing_is_found_out(self) -> None:
        loop = SimLoop()
        with pytest.raises(NothingToDo):
            loop.run_until_complete(loop.create_future())
        loop.bury()

    def test_of_who_is_killed_nothing_runs_any_more(self) -> None:
        loop, steps = SimLoop(), []
        process = Process("doomed", lambda _: None)

        async def live() -> None:
            try:
                for number in range(10):
                    steps.append(number)
                    await _turn(loop)
            finally:
                steps.append(-1)

        loop.start(process, live())
        process.dies_after = 4
        loop.call_later(1, loop.stop)
        loop.run_forever()

        assert steps == [0, 1]  # each turn is two steps: the timer, and who waited for it
        assert not process.is_alive
        loop.bury()


async def _turn(loop: SimLoop) -> None:
    turned = loop.create_future()
    loop.call_later(0.01, turned.set_result, None)
    await turned
