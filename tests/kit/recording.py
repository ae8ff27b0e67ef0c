"""Recorded events for tests without a log: dense positions and sequences, a clock of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from msgspec import UNSET

from shared.events.envelope import Body, Published, Recorded

FIRST_DAY: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_LOG: Final = UUID("01932b6f-8a00-7abc-8def-0123456789ab")


class Recorder:
    """Records bodies as the log of one author would; each event happens a minute after the last."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.position = 0
        self.sequence = 0

    def record(
        self, subject: str, data: Body, *, at: datetime | None = None, actor: str = "person:ada"
    ) -> Recorded[Any]:
        """The event at the next position; it takes a sequence if its body is published."""
        self.position += 1
        published = isinstance(data, Published)
        self.sequence += published
        time = at or FIRST_DAY + timedelta(minutes=self.position)
        return Recorded(
            specversion="1.0",
            id=UUID(int=_LOG.int + self.position),
            source=self._source,
            type=data.TYPE,
            subject=subject,
            time=time,
            recordedtime=time,
            log=_LOG,
            epoch=1,
            position=self.position,
            sequence=self.sequence if published else UNSET,
            correlationid="a-request",
            causationid="a-request",
            actor=actor,
            data=data,
        )
