"""The log in memory: the PostgreSQL adapter's twin, for tests and simulation.

A ``MemoryStore`` stands for the *database*: it outlives the ``EventLog`` of a process that crashed,
and several of them may write to it at once.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.eventlog.model import Epoch, LogHead, Received, Row, UniqueKey
from shared.eventlog.port import (
    FIRST_EPOCH,
    LOST_NUMBERS_MAX,
    Group,
    GroupRefused,
    Refusals,
    SequenceKey,
    StaleHead,
    Tip,
)
from shared.events.codec import decode_head


@dataclass(frozen=True, slots=True)
class MemoryBackup:
    """A copy of a ``MemoryStore``; of use to its ``restore`` only."""

    head: LogHead
    epochs: tuple[Epoch, ...]
    rows: tuple[Row, ...]
    keys: Mapping[tuple[str, str], tuple[str, datetime]]
    numbers: Mapping[str, int]


class MemoryStore:
    """Keeps what ``LogStore`` promises, for as long as the object lives.

    Args:
        source: the author whose published rows ``read_published`` reads.
        clock: the time, for keys taken without an event.
        new_id: makes the log's identity.
    """

    def __init__(
        self, *, source: str, clock: Callable[[], datetime], new_id: Callable[[], UUID]
    ) -> None:
        self._source = source
        self._clock = clock
        self._clear(LogHead(new_id(), FIRST_EPOCH.epoch, 0, 0))

    def _clear(self, head: LogHead) -> None:
        self._head = head
        self._epochs = [FIRST_EPOCH]
        self._rows: list[Row] = []
        self._streams: defaultdict[str, list[Row]] = defaultdict(list)
        self._ids: dict[UUID, Row] = {}
        self._published: list[Row] = []
        self._sequences: dict[SequenceKey, Row] = {}
        self._highest_epoch = FIRST_EPOCH.epoch
        self._last_received: dict[str, Row] = {}
        self._keys: dict[tuple[str, str], tuple[str, datetime]] = {}
        self._numbers: dict[str, int] = {}

    def backup(self) -> MemoryBackup:
        """All of it as it is now; nothing that is done later changes the copy."""
        return MemoryBackup(
            self._head,
            tuple(self._epochs),
            tuple(self._rows),
            dict(self._keys),
            dict(self._numbers),
        )

    def restore(self, backup: MemoryBackup) -> None:
        """Becomes what it was then, as by an administrator: what came later is lost.

        Like a database it tells nobody. Whoever has it open finds that the log went back.
        """
        self._clear(LogHead(backup.head.log, FIRST_EPOCH.epoch, 0, 0))
        for row in backup.rows:
            self._store(row)
        self._head = backup.head
        self._epochs = list(backup.epochs)
        self._keys = dict(backup.keys)
        self._numbers = dict(backup.numbers)

    async def open(self) -> LogHead:
        return self._head

    async def close(self) -> None:
        pass

    async def head(self) -> LogHead:
        return (await self.tip()).head

    async def tip(self) -> Tip:
        await asyncio.sleep(0)
        return self._tip()

    def _tip(self) -> Tip:
        if not self._rows:
            return Tip(self._head, b"", None)
        return Tip(self._head, self._rows[-1].leaf, self._rows[-1].recorded_at)

    async def commit(self, group: Group) -> None:
        await asyncio.sleep(0)
        if group.before != self._tip():
            raise StaleHead(self._tip())
        refusals = self._refusals(group)
        if refusals:
            raise GroupRefused(refusals)
        for row in group.rows:
            self._store(row)
        for _, key in group.keys:
            self._keys[key.scope, key.key] = (key.value, group.rows[-1].recorded_at)
        if group.after.head.epoch != group.before.head.epoch:
            self._epochs.append(Epoch(group.after.head.epoch, group.before.head.sequence))
            self._numbers.clear()
        self._head = group.after.head

    def _refusals(self, group: Group) -> Refusals:
        conflicts: defaultdict[int, dict[str, None]] = defaultdict(dict)
        ids: defaultdict[int, list[UUID]] = defaultdict(list)
        sequences: dict[int, SequenceKey] = {}
        for index, row in enumerate(group.rows):
            request = bisect_right(group.ends, index)
            if row.version <= len(self._streams.get(row.stream, ())):
                conflicts[request][row.stream] = None
            if row.id in self._ids:
                ids[request].append(row.id)
            elif row.sequence and (row.source, row.epoch, row.sequence) in self._sequences:
                sequences.setdefault(request, (row.source, row.epoch, row.sequence))
        for request, stream, version in group.unproven:
            if version > len(self._streams.get(stream, ())):
                conflicts[request][stream] = None
        keys: dict[int, UniqueKey] = {}
        for request, key in group.keys:
            holder = self._keys.get((key.scope, key.key))
            if holder is not None:
                keys.setdefault(request, UniqueKey(key.scope, key.key, holder[0]))
        return Refusals(
            {request: tuple(streams) for request, streams in conflicts.items()},
            keys,
            {request: tuple(taken) for request, taken in ids.items()},
            sequences,
        )

    def _store(self, row: Row) -> None:
        assert row.position == len(self._rows) + 1
        stream = self._streams[row.stream]
        assert row.version == len(stream) + 1
        self._rows.append(row)
        stream.append(row)
        self._ids[row.id] = row
        if row.sequence is not None:
            self._sequences[row.source, row.epoch, row.sequence] = row
            self._highest_epoch = max(self._highest_epoch, row.epoch)
            if row.source == self._source:
                self._published.append(row)
            last = self._last_received.get(row.source)
            if last is None or (last.sequence or 0, last.epoch) < (row.sequence, row.epoch):
                self._last_received[row.source] = row

    async def read(self, after: int, limit: int) -> Sequence[Row]:
        await asyncio.sleep(0)
        return self._rows[after : after + limit]

    async def read_published(self, after_sequence: int, limit: int) -> Sequence[Row]:
        await asyncio.sleep(0)
        return self._published[after_sequence : after_sequence + limit]

    async def read_streams(self, streams: Sequence[str], upto: int | None = None) -> Sequence[Row]:
        await asyncio.sleep(0)
        rows = [row for name in dict.fromkeys(streams) for row in self._streams.get(name, ())]
        if upto is not None:
            rows = [row for row in rows if row.position <= upto]
        return sorted(rows, key=lambda row: row.position)

    async def find(self, ids: Sequence[UUID]) -> Mapping[UUID, Row]:
        await asyncio.sleep(0)
        return {event_id: self._ids[event_id] for event_id in ids if event_id in self._ids}

    async def taken(self, scope: str, keys: Sequence[str]) -> Mapping[str, str]:
        await asyncio.sleep(0)
        return {key: self._keys[scope, key][0] for key in keys if (scope, key) in self._keys}

    async def keep(self, keys: Sequence[UniqueKey]) -> None:
        await asyncio.sleep(0)
        for key in keys:
            self._keys.setdefault((key.scope, key.key), (key.value, self._clock()))

    async def forget(self, scope: str, before: datetime) -> int:
        await asyncio.sleep(0)
        old = [n for n, (_, taken_at) in self._keys.items() if n[0] == scope and taken_at < before]
        for name in old:
            del self._keys[name]
        return len(old)

    async def received(self, source: str) -> Received | None:
        await asyncio.sleep(0)
        last = self._last_received.get(source)
        if last is None:
            return None
        assert last.sequence is not None
        return Received(decode_head(last.entry).log, last.epoch, last.sequence, last.leaf)

    async def said(self, source: str, sequence: int) -> Row | None:
        await asyncio.sleep(0)
        epochs = range(self._highest_epoch, 0, -1)
        said = (self._sequences.get((source, epoch, sequence)) for epoch in epochs)
        return next((row for row in said if row is not None), None)

    async def epochs(self) -> Sequence[Epoch]:
        await asyncio.sleep(0)
        return tuple(self._epochs)

    async def received_leaves(
        self, source: str, epoch: int, sequences: Sequence[int]
    ) -> Mapping[int, bytes]:
        await asyncio.sleep(0)
        rows = {n: self._sequences.get((source, epoch, n)) for n in sequences}
        return {n: row.leaf for n, row in rows.items() if row is not None}

    async def position_at(self, moment: datetime) -> int:
        await asyncio.sleep(0)
        return bisect_right(self._rows, moment, key=lambda row: row.recorded_at)

    async def next_number(self, prefix: str) -> int:
        await asyncio.sleep(0)
        last = self._numbers.get(prefix)
        if last is None:
            numbers = (name.removeprefix(f"{prefix}-") for name in self._streams)
            last = max((int(n) for n in numbers if n.isascii() and n.isdigit()), default=0)
            last += (self._head.epoch - FIRST_EPOCH.epoch) * LOST_NUMBERS_MAX
        self._numbers[prefix] = last + 1
        return last + 1
