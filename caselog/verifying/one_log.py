"""What can be proven of one log from its rows alone. Pure: rows in, differences out."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import msgspec

from shared.eventlog.model import Row
from shared.eventlog.port import Tip
from shared.events.codec import decode_head
from shared.events.envelope import Head


@dataclass(slots=True)
class LogCheck:
    """Follows a log row by row. ``own`` is the source of the events that this log's author wrote.

    Memory grows with the number of streams, not of events.
    """

    own: str
    log: UUID
    position: int = 0
    leaf: bytes = b""
    recorded_at: datetime | None = None
    sequences: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    versions: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def rows(self, rows: Iterable[Row]) -> Iterator[str]:
        """Every difference in these rows, which must follow those seen so far."""
        for row in rows:
            yield from (f"position {row.position}: {problem}" for problem in self._row(row))

    def end(self, tip: Tip, beyond: Row | None) -> Iterator[str]:
        """What the log says of its end must be what its rows say.

        ``beyond`` is the first row behind the end, if there is one.
        """
        head = tip.head
        if head.position != self.position:
            yield f"the head says position {head.position}, the last row is {self.position}"
        elif self.position and tip.leaf != self.leaf:
            yield "the head names another leaf hash than that of the last row"
        if head.sequence != self.sequences[self.own]:
            said, held = head.sequence, self.sequences[self.own]
            yield f"the head says sequence {said}, the last published row has {held}"
        if beyond is not None:
            yield f"position {beyond.position}: a row behind the head, which says {head.position}"

    def _row(self, row: Row) -> Iterator[str]:
        if row.position != self.position + 1:
            yield f"follows position {self.position}: not dense"
        self.position, self.leaf = row.position, row.leaf
        if row.version != self.versions[row.stream] + 1:
            last = self.versions[row.stream]
            yield f"version {row.version} of {row.stream} follows {last}: not dense"
        self.versions[row.stream] = row.version
        if self.recorded_at is not None and row.recorded_at < self.recorded_at:
            yield f"recorded at {row.recorded_at.isoformat()}, before the row in front of it"
        self.recorded_at = row.recorded_at
        if hashlib.sha256(b"\x00" + row.entry).digest() != row.leaf:
            yield "the leaf hash is not that of the entry"
        if row.sequence is not None:
            if row.sequence != self.sequences[row.source] + 1:
                last = self.sequences[row.source]
                yield f"sequence {row.sequence} of {row.source} follows {last}: not dense"
            self.sequences[row.source] = row.sequence
        try:
            head = decode_head(row.entry)
        except msgspec.DecodeError as error:
            yield f"the entry is not an event: {error}"
        else:
            yield from self._attributes(row, head)

    def _attributes(self, row: Row, head: Head) -> Iterator[str]:
        sequence = None if head.sequence is msgspec.UNSET else head.sequence
        columns: list[tuple[str, object, object]] = [
            ("id", row.id, head.id),
            ("stream", row.stream, head.subject),
            ("type", row.type, head.type),
            ("source", row.source, head.source),
            ("epoch", row.epoch, head.epoch),
            ("sequence", row.sequence, sequence),
        ]
        if row.source == self.own:
            columns += [
                ("position", row.position, head.position),
                ("log", self.log, head.log),
                ("recorded_at", row.recorded_at, head.recordedtime),
            ]
        for name, column, attribute in columns:
            if column != attribute:
                yield f"the column {name} is {column}, the entry says {attribute}"
