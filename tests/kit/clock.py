"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

MONDAY_MORNING: Final = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
"""Nine o'clock in Chicago, the first hour of an ordinary business week."""


class SettableClock:
    """Call it for the time, as anything that takes ``Callable[[], datetime]`` does."""

    def __init__(self, now: datetime = MONDAY_MORNING) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta | float) -> datetime:
        """Go on by a span, or by so many seconds, and give the new time."""
        self.now += by if isinstance(by, timedelta) else timedelta(seconds=by)
        return self.now

    def set(self, now: datetime) -> None:
        """Jump, backwards too: real clocks do."""
        self.now = now
