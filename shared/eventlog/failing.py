"""Why appending fails now: for whoever asks how the log is, and once for the log file."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

TOLD_S: Final = 10.0
"""How long a failure is told of: nobody may have tried since, and it may be over."""

_logger = logging.getLogger(__name__)


class Failing:
    """The last failure, as long as it says something of now. ``now`` is in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._last: tuple[float, str] | None = None

    @property
    def reason(self) -> str | None:
        """Why the last try failed; None if it did not, or is too long ago."""
        if self._last is None or self._now() - self._last[0] > TOLD_S:
            return None
        return self._last[1]

    def failed(self, error: Exception) -> None:
        """Nothing could be appended, or nobody knows."""
        reason = str(error) or type(error).__name__
        if self.reason is None:
            _logger.warning("appending fails: %s", reason)
        self._last = (self._now(), reason)

    def over(self) -> None:
        """Something was appended."""
        if self._last is not None:
            _logger.info("appending goes well again")
            self._last = None
