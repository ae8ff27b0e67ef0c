"""What can be proven of one log from its rows alone. Pure: rows in, differences out.

An own event that a restored log took back stands at another place than its bytes say, and was
recorded there later. That is so exactly for the events that the log itself says it recovered, in
``log-recovered`` behind them.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from shared.eventlog.model import Row
from shared.eventlog.port import FIRST_EPOCH, Tip
from shared.eventlog.recovered import LogRecovered
from shared.events.codec import Codec, decode_head
from shared.events.envelope import Head

_CODEC: Final = Codec([LogRecovered])


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
    epochs: dict[str, int] = field(default_factory=dict)
    recoveries: int = 0
    _moved: deque[Moved] = field(default_factory=deque)

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
        if head.epoch != self.epochs.get(self.own, FIRST_EPOCH.epoch) and self.position:
            yield f"the head says epoch {head.epoch}, the last own row has another"
        for moved in self._moved:
            yield f"position {moved.position}: {moved.differences[0]}"
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
        if row.epoch < self.epochs.get(row.source, FIRST_EPOCH.epoch):
            yield f"epoch {row.epoch} of {row.source} follows epoch {self.epochs[row.source]}"
        self.epochs[row.source] = row.epoch
        try:
            head = decode_head(row.entry)
        except msgspec.DecodeError as error:
            yield f"the entry is not an event: {error}"
        else:
            yield from self._attributes(row, head)
            if row.type == LogRecovered.TYPE and row.source == self.own:
                yield from self._recovered(row)

    def _recovered(self, row: Row) -> Iterator[str]:
        """The log says which of its events came back: those, and no others, are out of place."""
        said = _CODEC.decode(row.type, row.entry).data
        if not isinstance(said, LogRecovered):
            yield f"a recovery that cannot be read: {said}"
            return
        self.recoveries += 1
        back = range(said.lost_from, said.lost_from + said.recovered)
        if said.epoch != row.epoch or said.old_epoch >= said.epoch:
            yield f"says that epoch {said.epoch} follows {said.old_epoch}"
        if back.stop != self.sequences[self.own] + 1:
            yield f"says that it recovered events up to {back.stop - 1}; the last one is another"
        while self._moved:
            moved = self._moved.popleft()
            if moved.sequence not in back or moved.position <= said.after_position:
                yield f"recovered nothing at position {moved.position}: {moved.differences[0]}"

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
        places: list[tuple[str, object, object]] = []
        if row.source == self.own:
            columns.append(("log", self.log, head.log))
            places = [
                ("position", row.position, head.position),
                ("recorded_at", row.recorded_at, head.recordedtime),
            ]
        yield from _differ(columns)
        moved = tuple(_differ(places))
        if moved and row.sequence is not None and head.recordedtime <= row.recorded_at:
            self._moved.append(Moved(row.position, row.sequence, moved))
        else:
            yield from moved


class Moved(NamedTuple):
    """An own published event that stands elsewhere than it says, until the log says why."""

    position: int
    sequence: int
    differences: tuple[str, ...]


def _differ(columns: Iterable[tuple[str, object, object]]) -> Iterator[str]:
    for name, column, attribute in columns:
        if column != attribute:
            yield f"the column {name} is {column}, the entry says {attribute}"
