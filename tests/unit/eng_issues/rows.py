"""A story's log as the rows that a read model takes in."""

from __future__ import annotations

from collections import Counter
from typing import Final
from uuid import UUID

import msgspec
from msgspec import UNSET

from services.eng_issues.domain.events import BODIES
from shared.eventlog.model import Row
from shared.events.codec import Codec
from tests.unit.eng_issues.engineering import Engineering

CODEC: Final = Codec(BODIES)


def rows_of(engineering: Engineering) -> list[Row]:
    """The rows at positions 1, 2, 3 …; received and own ones lie in one log."""
    versions: Counter[str] = Counter()
    rows = []
    for position, event in enumerate(engineering.log, start=1):
        versions[event.subject] += 1
        row = Row(
            position=position,
            stream=event.subject,
            version=versions[event.subject],
            id=UUID(int=position),
            type=event.type,
            source=event.source,
            epoch=event.epoch,
            sequence=None if event.sequence is UNSET else event.sequence,
            entry=msgspec.json.encode(event),
            leaf=bytes(32),
            recorded_at=event.recordedtime,
        )
        rows.append(row)
    return rows
