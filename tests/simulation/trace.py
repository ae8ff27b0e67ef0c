"""What happened, line by line, and a hash over all of it: two runs of one seed have the same."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from hashlib import blake2b
from typing import Final

LAST_LINES: Final = 400


class Trace:
    """``now`` gives the seconds that each line begins with."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._hash = blake2b(digest_size=12)
        self.last: deque[str] = deque(maxlen=LAST_LINES)
        self.lines = 0

    def __call__(self, who: str, what: str) -> None:
        line = f"{self._now():9.4f} {who:<6} {what}"
        self._hash.update(line.encode())
        self.last.append(line)
        self.lines += 1

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()
