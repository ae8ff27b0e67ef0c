"""Turning waiting requests into groups of rows. No I/O: tips, times and requests in, rows out.

A group is made for a tip that is assumed: the one that the group before it, still on its way, will
leave. So is every judgement about a request. What the requests of unsettled groups touch is
*pending*; a request that disagrees with something pending is neither right nor wrong yet and is
put off. What committed groups left behind is *known*; a request that disagrees with it is
suspected, and its verdict is looked up in the log.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from enum import Enum, auto
from hashlib import sha256
from itertools import islice
from typing import Final

from shared.eventlog.asks import Ask
from shared.eventlog.model import (
    ENTRY_BYTES_MAX,
    Appended,
    EntryTooLarge,
    Foreign,
    LogHead,
    Row,
    UniqueKey,
)
from shared.eventlog.port import Group, Tip
from shared.events.codec import Stamp, encode
from shared.events.envelope import Published

GROUP_EVENTS_MAX: Final = 128
"""Events to a group; nothing is gained past that, and two groups overlap better than one."""
GROUP_BYTES_MAX: Final = 4 * 1024 * 1024
"""Entry bytes after which a group takes no further request."""
KNOWN_STREAMS_MAX: Final = 50_000
"""Streams whose version is remembered from committed groups."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf of the log's tree (RFC 6962): SHA-256 of 0x00 and the entry's bytes."""
    return sha256(b"\0" + entry).digest()


class Admission(Enum):
    """What becomes of a request that asks for a place in a group."""

    TAKEN = auto()
    FULL = auto()
    """There is no room; the next group has some."""
    LATER = auto()
    """It depends on a group that is not settled."""
    SUSPECT = auto()
    """It disagrees with what is committed: look why."""


class Known:
    """The versions of streams as committed groups of this process left them; old ones are dropped.

    Another process may have moved a stream on since: a version here is never too high.
    """

    def __init__(self) -> None:
        self._versions: dict[str, int] = {}

    def get(self, stream: str) -> int | None:
        return self._versions.get(stream)

    def beyond(self, expected: Mapping[str, int]) -> tuple[str, ...]:
        """Those of these streams that have moved on past the version expected."""
        return tuple(s for s, version in expected.items() if version < self._versions.get(s, 0))

    def learn(self, versions: Mapping[str, int]) -> None:
        self._versions.update(versions)
        if len(self._versions) > KNOWN_STREAMS_MAX:
            # Half at a time: to find the oldest of a dict again and again is slow.
            younger = islice(self._versions.items(), KNOWN_STREAMS_MAX // 2, None)
            self._versions = dict(younger)

    def clear(self) -> None:
        self._versions.clear()


class Batch:
    """A group in the making: the requests in it, their rows, and what they leave pending.

    It is made for ``tip``, which the log has or which the ``previous`` group will leave. It takes
    requests as long as it has ``room`` for their events; a single larger one goes alone.
    """

    def __init__(
        self,
        tip: Tip,
        recorded_at: datetime,
        *,
        source: str,
        known: Known,
        previous: Batch | None = None,
        room: int = GROUP_EVENTS_MAX,
    ) -> None:
        self.tip = tip
        self.asks: list[Ask] = []
        self.rows: list[Row] = []
        self.versions: dict[str, int] = {}
        self.names: set[Hashable] = set()
        self._recorded_at = recorded_at
        self._source = source
        self._known = known
        self._versions_before: Mapping[str, int] = previous.versions if previous else {}
        self._names_before: AbstractSet[Hashable] = previous.names if previous else frozenset()
        self._room = room
        self._sequence = tip.head.sequence
        self._epoch = tip.head.epoch
        self._bytes = 0
        self._ends: list[int] = []
        self._touched: list[dict[str, int]] = []
        self._keys: list[tuple[int, UniqueKey]] = []
        self._unproven: list[tuple[int, str, int]] = []

    @property
    def tip_after(self) -> Tip:
        log, last = self.tip.head.log, self.rows[-1]
        head = LogHead(log, self._epoch, last.position, self._sequence)
        return Tip(head, last.leaf, last.recorded_at)

    def group(self) -> Group:
        return Group(
            self.tip,
            self.tip_after,
            tuple(self.rows),
            tuple(self._ends),
            tuple(self._keys),
            tuple(self._unproven),
        )

    def admit(self, ask: Ask) -> Admission:
        """Takes a request in if it fits and nothing speaks against it.

        Raises EntryTooLarge, or what encoding raised; nothing of the request is in the group then.
        """
        rows, request = self.rows, ask.request
        if rows and (ask.alone or len(rows) + len(request.events) > self._room):
            return Admission.FULL
        unproven = None
        for stream, version in request.expected.items():
            pending = self.versions.get(stream)
            if pending is None:
                pending = self._versions_before.get(stream)
            if pending is not None:
                if pending != version:
                    return Admission.LATER
            elif version != (known := self._known.get(stream)):
                if known is not None and version < known:
                    return Admission.SUSPECT
                if version:
                    unproven = [*(unproven or ()), (len(self.asks), stream, version)]
        names = ask.names
        if not (self.names.isdisjoint(names) and self._names_before.isdisjoint(names)):
            return Admission.LATER
        start = len(rows)
        try:
            self._make_rows(ask)
        except BaseException:
            del rows[start:]
            raise
        if unproven:
            self._unproven += unproven
        if request.keys:
            self._keys += [(len(self.asks), key) for key in request.keys]
        self.asks.append(ask)
        self._ends.append(len(rows))
        self.names.update(names)
        if ask.alone or self._bytes >= GROUP_BYTES_MAX:
            self._room = 0
        return Admission.TAKEN

    def appended(self) -> Iterator[tuple[Ask, Appended]]:
        """Each request with what it gets once the group is committed."""
        rows, start = self.rows, 0
        for ask, end, touched in zip(self.asks, self._ends, self._touched, strict=True):
            yield ask, Appended(tuple(rows[start:end]), touched)
            start = end

    def haunt(self) -> None:
        """Notes in each request that this group may be stored, now or later."""
        start = 0
        for ask, end in zip(self.asks, self._ends, strict=True):
            ask.ghosts |= {tuple([row.leaf for row in self.rows[start:end]])}
            ask.ghost_head = max(ask.ghost_head, self.tip.head.position)
            start = end

    def _make_rows(self, ask: Ask) -> None:
        rows, recorded_at = self.rows, self._recorded_at
        head, own_source = self.tip.head, self._source
        position, last_sequence = head.position + len(rows), self._sequence
        own_epoch = self._epoch
        if ask.request.epoch is not None:
            own_epoch = ask.request.epoch
            if own_epoch <= self._epoch:
                raise ValueError(f"epoch {own_epoch} cannot begin in epoch {self._epoch}")
        versions = dict(ask.request.expected)
        size = 0
        for event in ask.request.events:
            position += 1
            stream = event.subject
            versions[stream] = version = versions[stream] + 1
            sequence: int | None = None
            if isinstance(event, Foreign):
                event_type, source, epoch = event.type, event.source, event.epoch
                sequence, entry = event.sequence, event.entry
                if source == own_source:
                    if (epoch, sequence) != (own_epoch, last_sequence + 1):
                        raise ValueError(f"event {sequence} cannot follow {last_sequence} here")
                    last_sequence = sequence
            else:
                event_type, source, epoch = event.data.TYPE, own_source, own_epoch
                if isinstance(event.data, Published):
                    sequence = last_sequence = last_sequence + 1
                stamp = Stamp(
                    source=source,
                    recordedtime=recorded_at,
                    log=head.log,
                    epoch=epoch,
                    position=position,
                    sequence=sequence,
                )
                entry = encode(event, stamp)
            size += len(entry)
            if len(entry) > ENTRY_BYTES_MAX:
                raise EntryTooLarge(len(entry))
            row = Row(
                position, stream, version, event.id, event_type, source, epoch, sequence,
                entry, leaf_hash(entry), recorded_at,
            )  # fmt: skip
            rows.append(row)
        # Nothing raises from here on.
        self._sequence = last_sequence
        self._epoch = own_epoch
        self._bytes += size
        self._touched.append(versions)
        self.versions.update(versions)
