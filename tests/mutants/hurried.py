"""A pytest plugin: what waits for a time does not wait. For tests that stay in memory.

A test that waits ten seconds for something not to happen costs nothing; one that waits for what
never comes, as with many a mutant, fails at once.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Mapping
from typing import Any, Final

THREADS_S: Final = 1.0
"""Real seconds that a thread has to say something, when nothing else will ever happen."""
LIVED_S_MAX: Final = 900.0
"""Seconds of a loop's time that all tests together may live through: some circle for ever."""


class NothingToDo(RuntimeError):
    """Somebody waits, and nothing will ever happen."""


class _Jumping(selectors.SelectSelector):
    """Selects without waiting, and says how far the time jumps instead."""

    jumped = 0.0

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        if found or timeout == 0:
            return found
        if timeout is None or self.jumped > LIVED_S_MAX:
            found = super().select(THREADS_S)
            if not found:
                raise NothingToDo
            return found
        self.jumped += max(timeout, 1e-6)
        return []


class HurriedLoop(asyncio.SelectorEventLoop):
    """Its time goes on as always, and jumps to the next timer when there is nothing to do."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return super().time() + self._jumping.jumped


def pytest_asyncio_loop_factories(
    config: Any, item: Any
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"hurried": HurriedLoop}
