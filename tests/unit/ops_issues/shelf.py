"""Many issues in one log, without a database: the rows that a read model takes in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from services.ops_issues.domain.events import KNOWN
from shared.eventlog.model import Row
from shared.events.codec import Codec
from shared.events.envelope import AnyRecorded, Body
from tests.unit.ops_issues.desk import OPENED, Desk

CODEC: Final = Codec(KNOWN)


class Shelf:
    """A log that the desks of several issues write to, in the order of their acts."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.desks: dict[str, Desk] = {}
        self._versions: Counter[str] = Counter()

    def opens(self, *said: Body, **changes: Any) -> Desk:
        """The desk of a new issue, and then what was said; its number is the next one."""
        key = f"OPS-{len(self.desks) + 1}"
        desk = Desk(key, self.store)
        self.desks[key] = desk
        desk.stores(replace(OPENED, **changes), actor="person:tess")
        desk.lives(*said)
        return desk

    def store(self, recorded: AnyRecorded) -> None:
        """Puts an event at the next position."""
        stream = recorded.subject
        self._versions[stream] += 1
        position = len(self.rows) + 1
        self.rows.append(
            Row(
                position=position,
                stream=stream,
                version=self._versions[stream],
                id=UUID(int=recorded.id.int + (position << 64)),
                type=recorded.type,
                source=recorded.source,
                epoch=recorded.epoch,
                sequence=None if recorded.sequence is UNSET else recorded.sequence,
                entry=msgspec.json.encode(recorded),
                leaf=bytes(32),
                recorded_at=recorded.recordedtime,
            )
        )

    async def read_streams(self, streams: Sequence[str], upto: int) -> Sequence[Row]:
        return [r for r in self.rows if r.stream in streams and r.position <= upto]
