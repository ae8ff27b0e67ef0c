"""Commands on one stream take turns, and try again when it moved on all the same: bounded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

from shared.eventlog.model import VersionConflict
from shared.hosting.turns import Turns

ATTEMPTS_MAX: Final = 16

T = TypeVar("T")


class Retrying:
    """Runs attempts, each of which loads, decides and appends anew.

    Those of this process on the same stream take turns in the order they came, so that many
    commands on one hot stream neither fight nor starve each other. What others append meanwhile,
    received events or another process, makes an attempt fail with VersionConflict; it is then
    repeated. ``forget`` is told the streams that moved on: what was kept of them is old
    (``States.forget``).
    """

    def __init__(self, forget: Callable[[Iterable[str]], None]) -> None:
        self._forget = forget
        self._turns = Turns()

    async def __call__(self, streams: Iterable[str], attempt: Callable[[], Awaitable[T]]) -> T:
        """What the attempt that succeeds returns; ``streams`` are those it is known to append to.

        Raises VersionConflict after ``ATTEMPTS_MAX`` attempts.
        """
        taken: list[str] = []
        try:
            for stream in sorted(set(streams)):  # in one order, so that none waits for another
                await self._turns.take(stream)
                taken.append(stream)
            for _ in range(ATTEMPTS_MAX - 1):
                try:
                    return await attempt()
                except VersionConflict as conflict:
                    self._forget(conflict.streams)
            return await attempt()
        finally:
            for stream in taken:
                self._turns.give_back(stream)
