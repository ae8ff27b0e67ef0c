"""A thread that sees a blocked event loop: says where, and ends the process if it stays so.

A blocked loop answers nothing, not even ``/healthz``; ending lets whoever watches start it again.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Final

import structlog

from shared.hosting.lifetime import FAILED

BEAT_SECONDS: Final = 1.0
WARN_BEATS: Final = 3
END_BEATS: Final = 30
"""Missed beats are counted by the thread's own waking, so that a process that was stopped and goes
on, or a machine that slept, does not look blocked."""

_logger: structlog.stdlib.BoundLogger = structlog.get_logger("watchdog")


def _end_process() -> None:
    os._exit(FAILED)


class Watchdog:
    """A part that watches the loop it is started on."""

    name = "watchdog"

    def __init__(
        self,
        *,
        beat_seconds: float = BEAT_SECONDS,
        warn_beats: int = WARN_BEATS,
        end_beats: int = END_BEATS,
        end: Callable[[], None] = _end_process,
    ) -> None:
        self._beat_seconds = beat_seconds
        self._warn_beats = warn_beats
        self._end_beats = end_beats
        self._end = end
        self._beats = 0
        self._stopped = threading.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        self._beat(asyncio.get_running_loop())
        ident = threading.get_ident()
        self._thread = threading.Thread(
            target=self._watch, args=(ident,), name="watchdog", daemon=True
        )
        self._thread.start()

    async def stop(self) -> None:
        self._stopped.set()
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        self._beats += 1
        self._timer = loop.call_later(self._beat_seconds / 2, self._beat, loop)

    def _watch(self, watched: int) -> None:
        seen, missed = self._beats, 0
        while not self._stopped.wait(self._beat_seconds):
            if self._beats != seen:
                seen, missed = self._beats, 0
                continue
            missed += 1
            if missed == self._warn_beats:
                _logger.error("the event loop is blocked", at=_stack(watched))
            if missed == self._end_beats:
                _logger.error("the event loop stays blocked: ending", at=_stack(watched))
                self._end()


def _stack(thread: int) -> list[str]:
    """Where a thread is, innermost last; no values, only places."""
    frame = sys._current_frames().get(thread)  # noqa: SLF001 - there is no other way to ask
    places = [] if frame is None else traceback.extract_stack(frame)
    return [f"{place.filename}:{place.lineno} {place.name}" for place in places[-20:]]
