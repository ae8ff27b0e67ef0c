"""Running a service: its parts start in order, and stop in the opposite one.

The HTTP server is the last to start and the first to stop, so that a request never meets a part
that is not there: stop accepting, finish the requests, stop the exchange, stop the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import structlog
import uvloop

from shared.hosting.collecting import collect_seldom
from shared.hosting.lifetime import FAILED, Lifetime

STOP_SECONDS_MAX: Final = 20.0
"""How long one part may take to stop before the next one is stopped all the same."""

_logger: structlog.stdlib.BoundLogger = structlog.get_logger("serving")


class Part(Protocol):
    """Something that runs for as long as the service does."""

    name: str

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class Named:
    """Makes a part of anything that can be started and stopped."""

    def __init__(
        self, name: str, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]
    ) -> None:
        self.name = name
        self._start = start
        self._stop = stop

    async def start(self) -> None:
        await self._start()

    async def stop(self) -> None:
        await self._stop()


class Periodic:
    """A part that does something again and again; one that fails is logged and done again."""

    def __init__(self, name: str, seconds: float, action: Callable[[], Awaitable[object]]) -> None:
        self.name = name
        self._seconds = seconds
        self._action = action
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        while True:
            try:
                await self._action()
            except Exception:
                _logger.exception("failed; it is tried again", part=self.name)
            await asyncio.sleep(self._seconds)


async def run_parts(parts: Sequence[Part], lifetime: Lifetime) -> int:
    """Starts the parts, waits for the end, stops them; the exit code.

    What a part raises when it starts is raised here, after those before it have stopped.
    """
    started: list[Part] = []
    try:
        for part in parts:
            if lifetime.ending:
                break
            await part.start()
            started.append(part)
            _logger.info("started", part=part.name)
        await lifetime.over()
    finally:
        for part in reversed(started):
            await _stop(part, lifetime)
    return lifetime.exit_code


async def _stop(part: Part, lifetime: Lifetime) -> None:
    try:
        async with asyncio.timeout(STOP_SECONDS_MAX):
            await part.stop()
    except Exception:
        lifetime.exit_code = FAILED
        _logger.exception("did not stop well", part=part.name)
    else:
        _logger.info("stopped", part=part.name)


def run(main: Callable[[Lifetime], Awaitable[int]]) -> int:
    """Runs a service's ``main`` on its own event loop, until it ends by itself or by a signal."""

    async def whole() -> int:
        lifetime = Lifetime()
        lifetime.end_on_signals()
        return await main(lifetime)

    collect_seldom()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(whole())
