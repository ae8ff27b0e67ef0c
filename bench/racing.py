"""Contestants against each other on one noisy machine: in turns so short that all get its moods."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from bench.effort import Effort

Act = Callable[[], Awaitable[object]]
Caller = Callable[[], Act]
"""Makes what one caller does again and again, each time when the last one is done."""


async def race(
    contestants: Mapping[str, Caller], callers: int, effort: Effort
) -> dict[str, list[float]]:
    """Acts per second by so many callers at once, of each contestant, run by run."""
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(effort.runs):
        acts = dict.fromkeys(contestants, 0)
        seconds = dict.fromkeys(contestants, 0.0)
        for _ in range(effort.slices):
            for name, caller in contestants.items():
                done, took = await _turn(caller, callers, effort.seconds / effort.slices)
                acts[name] += done
                seconds[name] += took
        for name in contestants:
            rates[name].append(acts[name] / seconds[name])
    return rates


async def _turn(caller: Caller, callers: int, seconds: float) -> tuple[int, float]:
    """How many acts were done, and in how many seconds: a little more than these."""
    started = time.perf_counter()
    deadline = started + seconds

    async def call() -> int:
        act, acts = caller(), 0
        while time.perf_counter() < deadline:
            await act()
            acts += 1
        return acts

    done = sum(await asyncio.gather(*[call() for _ in range(callers)]))
    return done, time.perf_counter() - started
