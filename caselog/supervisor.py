"""Keeps parts running: starts them in order, restarts those that die, stops them in reverse order.

A part is anything with a life of its own; what the parts are, ``caselog.stack`` says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from caselog.embedded.process import StartFailed

ANNOUNCE_AFTER_SECONDS: Final = 3.0
ANNOUNCE_EVERY_SECONDS: Final = 10.0
PATIENCE_SECONDS: Final = 45.0
"""How long a part may take to stop by itself: to answer what was asked, to write all out."""
HURRIED_PATIENCE_SECONDS: Final = 1.0


class Part(Protocol):
    """One process of the stack."""

    @property
    def name(self) -> str:
        """As people are told."""

    @property
    def pid(self) -> int | None:
        """While it runs."""

    async def claim(self) -> None:
        """End what a killed owner left of it. Raises AlreadyRunning, StartFailed."""

    async def start(self) -> None:
        """Return when it is ready. Raises StartFailed, and then nothing of it is left."""

    async def waits_for(self) -> str:
        """Why it is not ready yet, in a few words."""

    async def exited(self) -> int:
        """Return when it ends, with its exit code (negative: the signal that killed it)."""

    async def stop(self, patience: float) -> None:
        """End it cleanly, or after ``patience`` seconds the hard way."""

    def hurry(self) -> None:
        """End it the hard way now; a ``stop`` under way returns the sooner."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds to wait before a part is started again.

    Doubled each time, until the part has lived for ``steady`` seconds.
    """

    first: float = 0.2
    longest: float = 15.0
    steady: float = 60.0

    def after(self, failures: int) -> float:
        """The wait after so many failures in a row, 1 or more."""
        return float(min(self.longest, self.first * 2 ** min(failures - 1, 16)))


class Supervisor:
    """Owns the parts given to ``bring_up`` until ``stop``."""

    def __init__(self, say: Callable[[str], None], backoff: Backoff | None = None) -> None:
        self._say = say
        self._backoff = backoff or Backoff()
        self._stages: list[tuple[Part, ...]] = []
        self._watches: set[asyncio.Task[None]] = set()
        self._patience = PATIENCE_SECONDS

    async def bring_up(self, *parts: Part) -> None:
        """Start these together and return when all are ready; from then on they are kept running.

        Raises:
            StartFailed: one of them did not come up.
        """
        self._stages.append(parts)
        starts = [asyncio.ensure_future(self._announced(part)) for part in parts]
        try:
            await asyncio.gather(*starts)
        except BaseException:
            for start in starts:
                start.cancel()
            await asyncio.gather(*starts, return_exceptions=True)
            raise
        for part in parts:
            watch = asyncio.create_task(self._keep(part), name=f"keep {part.name}")
            self._watches.add(watch)
            watch.add_done_callback(self._watches.discard)

    async def stop(self) -> None:
        """Stop all parts, the last started first; those started together, together."""
        watches = list(self._watches)
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)
        while self._stages:
            parts = self._stages[-1]
            stops = (part.stop(self._patience) for part in parts)
            for outcome in await asyncio.gather(*stops, return_exceptions=True):
                if isinstance(outcome, Exception):  # the others still have to be stopped
                    self._say(f"stopping: {outcome}")
            self._stages.pop()

    def hurry(self) -> None:
        """Wait no longer: whatever is stopping now, or will be, has a moment left."""
        self._patience = HURRIED_PATIENCE_SECONDS
        for part in self._stages[-1] if self._stages else ():
            part.hurry()

    async def _keep(self, part: Part) -> None:
        """Start the part again whenever it ends."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            began = loop.time()
            code = await part.exited()
            failures = 1 if loop.time() - began >= self._backoff.steady else failures + 1
            self._say(f"{part.name} ended ({ending(code)})")
            failures = await self._again(part, failures)

    async def _again(self, part: Part, failures: int) -> int:
        while True:
            wait = self._backoff.after(failures)
            self._say(f"starting {part.name} again in {wait:g} s")
            await asyncio.sleep(wait)
            try:
                await self._announced(part)
            except (StartFailed, OSError) as error:
                self._say(str(error))
                failures += 1
            else:
                self._say(f"{part.name} is back")
                return failures

    async def _announced(self, part: Part) -> None:
        """Start it, and say what it waits for when that takes long."""
        announcing = asyncio.create_task(self._announce(part))
        try:
            await part.start()
        finally:
            announcing.cancel()
            await asyncio.gather(announcing, return_exceptions=True)

    async def _announce(self, part: Part) -> None:
        await asyncio.sleep(ANNOUNCE_AFTER_SECONDS)
        while True:
            self._say(f"waiting for {part.name}: {await part.waits_for()}")
            await asyncio.sleep(ANNOUNCE_EVERY_SECONDS)


async def patiently(work: Awaitable[None], what: str, say: Callable[[str], None]) -> None:
    """Await something that is not the start of a part, and say what it is when it takes long."""
    loop = asyncio.get_running_loop()
    announce = loop.call_later(ANNOUNCE_AFTER_SECONDS, say, f"waiting for {what}")
    try:
        await work
    finally:
        announce.cancel()


def ending(code: int) -> str:
    """An exit code in words."""
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
