"""Trying again when a stream moved on between reading and appending: one bounded loop for all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar
from weakref import WeakValueDictionary

from shared.eventlog.model import VersionConflict

ATTEMPTS_MAX: Final = 16

T = TypeVar("T")


class Retrying:
    """Runs attempts, each of which loads, decides and appends anew.

    The first attempt is free. Those that lost a race then take turns, stream by stream, so that
    many commands on one hot stream do not fight each other again and again. ``forget`` is told the
    streams that moved on: what was kept of them is old (``States.forget``).
    """

    def __init__(self, forget: Callable[[Iterable[str]], None]) -> None:
        self._forget = forget
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """What the attempt that succeeds returns. Raises VersionConflict after ``ATTEMPTS_MAX``."""
        try:
            return await attempt()
        except VersionConflict as conflict:
            self._forget(conflict.streams)
            stream = conflict.streams[0]
        turn = self._turns.get(stream)
        if turn is None:
            turn = self._turns[stream] = asyncio.Lock()
        async with turn:
            for _ in range(ATTEMPTS_MAX - 2):
                try:
                    return await attempt()
                except VersionConflict as conflict:
                    self._forget(conflict.streams)
            return await attempt()
