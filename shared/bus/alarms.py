"""Why nothing more of an author is taken until somebody has looked."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec

NOT_AUTHENTIC: Final = "not-authentic"
"""A message that is not an event of the author it names; kept as a dead letter, stops nothing."""
EQUIVOCATION: Final = "equivocation"
"""The author said two things under one number. Discarding the dead letter lets it go on."""
OTHER_LOG: Final = "other-log"
"""The author has another log, or a restored one. It goes on when the known one is back."""
CANNOT_STORE: Final = "cannot-store"
"""An event that follows cannot be stored here. It is tried again now and then."""


class Alarm(msgspec.Struct, frozen=True):
    """What stopped an author. ``letter`` is the dead letter that holds the evidence."""

    rule: str
    reason: str
    letter: UUID | None = None


class Stopped(Exception):
    """Nothing more of this author may be taken."""

    def __init__(self, alarm: Alarm) -> None:
        super().__init__(f"{alarm.rule}: {alarm.reason}")
        self.alarm = alarm
