"""An event loop without a clock, threads or I/O: time is a number that jumps to the next timer.

What runs on it belongs to a ``Process``, or to nobody (the world around). A process can be killed
as ``kill -9`` does it: nothing of it runs any more, no ``finally`` either. It can be frozen for a
while, as ``SIGSTOP`` does it.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import sys
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


class Process:
    """Whose a step is. ``dies_after`` steps more it is killed; None: it goes on."""

    __slots__ = (
        "backlog",
        "context",
        "dies_after",
        "frozen",
        "is_alive",
        "killed",
        "name",
        "slow_until",
    )

    def __init__(self, name: str, killed: Callable[[Process], None]) -> None:
        self.name = name
        self.is_alive = True
        self.dies_after: int | None = None
        self.killed = killed
        self.frozen = False
        self.slow_until = 0.0
        self.backlog: deque[asyncio.Handle] = deque()
        self.context = contextvars.copy_context()
        self.context.run(_owner.set, self)

    def kill(self) -> None:
        """Nothing of it runs from here on."""
        if self.is_alive:
            self.is_alive = False
            self.backlog.clear()
            self.killed(self)


_owner: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)


class NothingToDo(RuntimeError):
    """Somebody waits, and nothing will ever happen."""


class TooManySteps(RuntimeError):
    """Somebody runs in circles."""


class SimTask(asyncio.Task[T]):
    """Sets of tasks have the same order in every run: their hash is not where they lie."""

    number = 0

    def __hash__(self) -> int:
        return self.number


class SimLoop(asyncio.BaseEventLoop):
    """``steps`` counts what was run; ``steps_max`` ends what runs in circles."""

    def __init__(self, steps_max: int = 2_000_000) -> None:
        super().__init__()
        self.now = 0.0
        self.steps = 0
        self.errors: list[dict[str, Any]] = []
        self._steps_max = steps_max
        self._numbers = 0
        self._made: list[asyncio.Task[Any]] = []
        self.set_task_factory(self._new_task)
        self.set_exception_handler(lambda _, context: self.errors.append(context))

    def time(self) -> float:
        """Seconds since the beginning of this world."""
        return self.now

    def start(
        self, process: Process, coroutine: Coroutine[Any, Any, T], name: str | None = None
    ) -> asyncio.Task[T]:
        """Runs a coroutine as a part of ``process``."""
        return self.create_task(coroutine, name=name, context=process.context)

    def freeze(self, process: Process, seconds: float) -> None:
        """Nothing of it runs for so long."""
        if process.frozen or not process.is_alive:
            return
        process.frozen = True
        self.call_later(seconds, self._thaw, process)

    def _thaw(self, process: Process) -> None:
        process.frozen = False
        self._ready.extend(process.backlog)  # type: ignore[attr-defined]
        process.backlog.clear()

    def bury(self) -> None:
        """Ends every task that is left, without running the loop."""
        said, sys.unraisablehook = sys.unraisablehook, lambda _: None
        try:
            for task in self._made:
                if not task.done():
                    task._log_destroy_pending = False  # type: ignore[attr-defined]
                    with suppress(BaseException):  # a ``finally`` that awaits does not end well
                        task.get_coro().close()
            self._made.clear()
            self._ready.clear()  # type: ignore[attr-defined]
            self._scheduled.clear()  # type: ignore[attr-defined]
            self.close()
        finally:
            sys.unraisablehook = said

    def _new_task(
        self,
        _: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, T] | Generator[Any, None, T],
        **arguments: Any,
    ) -> asyncio.Task[T]:
        task = SimTask(coroutine, loop=self, **arguments)
        self._numbers += 1
        task.number = self._numbers
        self._made.append(task)
        return task

    def _run_once(self) -> None:
        # Its insides are not in the stubs; they are the same in every version that we run on.
        ready: deque[Any] = self._ready  # type: ignore[attr-defined]
        timers: list[Any] = self._scheduled  # type: ignore[attr-defined]
        if not ready:
            while timers and timers[0]._cancelled:
                heapq.heappop(timers)._scheduled = False
            if not timers:
                if self._stopping:  # type: ignore[attr-defined]
                    return
                raise NothingToDo
            self.now = max(self.now, timers[0]._when)
        while timers and timers[0]._when <= self.now:
            timer = heapq.heappop(timers)
            timer._scheduled = False
            if not timer._cancelled:
                ready.append(timer)
        owner_of = _owner
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            process = handle._context.get(owner_of)
            if process is not None:
                if not process.is_alive:
                    continue
                if process.frozen:
                    process.backlog.append(handle)
                    continue
                if process.dies_after is not None:
                    process.dies_after -= 1
                    if process.dies_after < 0:
                        process.kill()
                        continue
            self.steps += 1
            handle._run()
        if self.steps > self._steps_max:
            raise TooManySteps

    # BaseEventLoop counts cancelled timers to clean its heap; here they leave when they come up.
    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        pass

    def _write_to_self(self) -> None:
        pass
