"""Turning waiting requests into groups of rows. No I/O: heads, times and requests in, rows out.

A group is made for a head that is assumed: the one that the group before it, still on its way,
will leave. So is every judgement about a request. What the requests of unsettled groups touch is
*pending*; a request that disagrees with something pending is neither right nor wrong yet and is
put off. What committed groups left behind is *known*; a request that disagrees with it is
suspected, and its verdict is looked up in the log.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from datetime import datetime
from enum import Enum, auto
from hashlib import sha256
from typing import Final
from uuid import UUID

from shared.eventlog.model import (
    ENTRY_BYTES_MAX,
    KEY_BYTES_MAX,
    REQUEST_EVENTS_MAX,
    STREAM_BYTES_MAX,
    Append,
    Appended,
    EntryTooLarge,
    Foreign,
    LogHead,
    Row,
    UniqueKey,
)
from shared.eventlog.port import Group, Tip
from shared.events.codec import Stamp, encode
from shared.events.envelope import Draft, Published

GROUP_EVENTS_MAX: Final = 128
"""Events to a group; nothing is gained past that, and two groups overlap better than one."""
GROUP_BYTES_MAX: Final = 4 * 1024 * 1024
"""Entry bytes after which a group takes no further request."""
KNOWN_STREAMS_MAX: Final = 50_000
"""Streams whose version is remembered from committed groups."""

_LEAF_PREFIX: Final = b"\x00"


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf of the log's tree (RFC 6962): SHA-256 of 0x00 and the entry's bytes."""
    return sha256(_LEAF_PREFIX + entry).digest()


class Ask:
    """One request on its way, and the future that its caller awaits.

    ``names`` is what at most one request on its way may carry: event ids, author's numbers, unique
    keys. ``ghosts`` holds the leaf of the first entry of each try whose outcome is unknown;
    ``ghost_head`` is the furthest head such a try was made for. ``alone`` keeps it out of others'
    groups after an error that a group could not explain.
    """

    __slots__ = ("alone", "deadline", "done", "ghost_head", "ghosts", "names", "request")

    def __init__(self, request: Append, done: asyncio.Future[Appended], deadline: float) -> None:
        self.request = request
        self.done = done
        self.deadline = deadline
        self.names = _names_of(request)
        self.ghosts: set[bytes] = set()
        self.ghost_head = -1
        self.alone = False

    @property
    def uncertain(self) -> bool:
        return bool(self.ghosts)

    def succeed(self, appended: Appended) -> None:
        if not self.done.done():  # the caller may be gone
            self.done.set_result(appended)

    def fail(self, error: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(error)


def _names_of(request: Append) -> list[Hashable]:
    """Raises ValueError if the request is one that no log could ever take."""
    events, expected = request.events, request.expected
    if not events:
        raise ValueError("an append without events")
    if len(events) > REQUEST_EVENTS_MAX:
        raise ValueError(f"{len(events)} events in one append; the limit is {REQUEST_EVENTS_MAX}")
    streams = {event.subject for event in events}
    if streams != expected.keys():
        raise ValueError(f"touches {sorted(streams)}, expects versions of {sorted(expected)}")
    for stream, version in expected.items():
        if not 0 < len(stream.encode()) <= STREAM_BYTES_MAX or "\0" in stream or version < 0:
            raise ValueError(f"no stream can be named {stream!r} and be at version {version}")
    names: list[Hashable] = [event.id.int for event in events]
    names += [(e.source, e.epoch, e.sequence) for e in events if isinstance(e, Foreign)]
    for key in request.keys:
        check_key(key)
        names.append((key.scope, key.key))
    if len(names) > 1 and len(set(names)) != len(names):
        raise ValueError("an id, an author's number or a key twice in one append")
    return names


def check_key(key: UniqueKey) -> None:
    """Raises ValueError for a key that no log can hold."""
    if not key.scope or len(f"{key.scope}{key.key}".encode()) > KEY_BYTES_MAX:
        raise ValueError(f"no key can have the scope {key.scope!r} and {len(key.key)} characters")
    if "\0" in f"{key.scope}{key.key}{key.value}":
        raise ValueError("a key with a NUL character")


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
    """The versions of streams as committed groups of this process left them, most recent ones only.

    Another process may have moved a stream on since: a version here is never too high.
    """

    def __init__(self) -> None:
        self._versions: OrderedDict[str, int] = OrderedDict()

    def get(self, stream: str) -> int | None:
        return self._versions.get(stream)

    def beyond(self, expected: Mapping[str, int]) -> tuple[str, ...]:
        """Those of these streams that have moved on past the version expected."""
        return tuple(s for s, version in expected.items() if version < self._versions.get(s, 0))

    def learn(self, versions: Mapping[str, int]) -> None:
        for stream, version in versions.items():
            self._versions[stream] = version
            self._versions.move_to_end(stream)
        while len(self._versions) > KNOWN_STREAMS_MAX:
            self._versions.popitem(last=False)

    def clear(self) -> None:
        self._versions.clear()


class Batch:
    """A group in the making: the requests in it, their rows, and what they leave pending."""

    def __init__(
        self, tip: Tip, recorded_at: datetime, source: str, known: Known, before: list[Batch]
    ) -> None:
        self.tip = tip
        self._recorded_at = recorded_at
        self.asks: list[Ask] = []
        self.versions: dict[str, int] = {}
        self.names: set[Hashable] = set()
        self._source = source
        self._known = known
        self._before = before
        self._position = tip.head.position
        self._sequence = tip.head.sequence
        self._bytes = 0
        self._rows: list[Row] = []
        self._ends: list[int] = []
        self._touched: list[dict[str, int]] = []
        self._keys: list[tuple[int, UniqueKey]] = []
        self._unproven: list[tuple[int, str, int]] = []

    @property
    def tip_after(self) -> Tip:
        head = self.tip.head
        return Tip(
            LogHead(head.log, head.epoch, self._position, self._sequence),
            self._rows[-1].leaf,
            self._recorded_at,
        )

    @property
    def rows(self) -> list[Row]:
        return self._rows

    def group(self) -> Group:
        requests: list[int] = []
        for index, end in enumerate(self._ends):
            requests += [index] * (end - len(requests))
        return Group(
            self.tip,
            self.tip_after,
            tuple(self._rows),
            tuple(requests),
            tuple(self._keys),
            tuple(self._unproven),
        )

    def admit(self, ask: Ask) -> Admission:
        """Takes a request in if it fits and nothing speaks against it.

        Raises EntryTooLarge, or what encoding raised; nothing of the request is in the group then.
        """
        events = ask.request.events
        if self.asks and (
            ask.alone
            or self.asks[0].alone
            or len(self._rows) + len(events) > GROUP_EVENTS_MAX
            or self._bytes >= GROUP_BYTES_MAX
        ):
            return Admission.FULL
        unproven: list[tuple[str, int]] = []
        for stream, version in ask.request.expected.items():
            pending = self._pending(stream)
            if pending is not None:
                if pending != version:
                    return Admission.LATER
                continue
            known = self._known.get(stream)
            if known is not None and version < known:
                return Admission.SUSPECT
            if version and version != known:
                unproven.append((stream, version))
        if self._carries(ask.names):
            return Admission.LATER
        self._take(ask, unproven)
        return Admission.TAKEN

    def appended(self) -> Iterable[tuple[Ask, Appended]]:
        """Each request with what it gets once the group is committed."""
        start = 0
        for ask, end, touched in zip(self.asks, self._ends, self._touched, strict=True):
            yield ask, Appended(tuple(self._rows[start:end]), touched)
            start = end

    def haunt(self) -> None:
        """Notes in each request that this group may be stored, now or later."""
        start = 0
        for ask, end in zip(self.asks, self._ends, strict=True):
            ask.ghosts.add(self._rows[start].leaf)
            ask.ghost_head = max(ask.ghost_head, self.tip.head.position)
            start = end

    def _pending(self, stream: str) -> int | None:
        version = self.versions.get(stream)
        if version is not None:
            return version
        for batch in reversed(self._before):
            version = batch.versions.get(stream)
            if version is not None:
                return version
        return None

    def _carries(self, names: list[Hashable]) -> bool:
        return any(not batch.names.isdisjoint(names) for batch in (self, *self._before))

    def _take(self, ask: Ask, unproven: list[tuple[str, int]]) -> None:
        versions = dict(ask.request.expected)
        position, sequence = self._position, self._sequence
        rows: list[Row] = []
        for event in ask.request.events:
            position += 1
            versions[event.subject] = version = versions[event.subject] + 1
            if isinstance(event, Foreign):
                row = self._foreign(event, position, version)
            else:
                if isinstance(event.data, Published):
                    sequence += 1
                    number: int | None = sequence
                else:
                    number = None
                row = self._own(event, position, version, number)
            rows.append(row)
        # Nothing raises from here on.
        index = len(self.asks)
        self.asks.append(ask)
        self._position, self._sequence = position, sequence
        self._bytes += sum([len(row.entry) for row in rows])
        self._rows += rows
        self._ends.append(len(self._rows))
        self._touched.append(versions)
        self.names.update(ask.names)
        self._keys += [(index, key) for key in ask.request.keys]
        self._unproven += [(index, *stream_version) for stream_version in unproven]
        self.versions.update(versions)

    def _own(self, draft: Draft, position: int, version: int, sequence: int | None) -> Row:
        head = self.tip.head
        stamp = Stamp(
            source=self._source,
            recordedtime=self._recorded_at,
            log=head.log,
            epoch=head.epoch,
            position=position,
            sequence=sequence,
        )
        entry = encode(draft, stamp)
        return self._row(
            position, draft.subject, version, draft.id, draft.data.TYPE,
            self._source, head.epoch, sequence, entry,
        )  # fmt: skip

    def _foreign(self, event: Foreign, position: int, version: int) -> Row:
        return self._row(
            position, event.subject, version, event.id, event.type,
            event.source, event.epoch, event.sequence, event.entry,
        )  # fmt: skip

    def _row(
        self,
        position: int,
        stream: str,
        version: int,
        event_id: UUID,
        event_type: str,
        source: str,
        epoch: int,
        sequence: int | None,
        entry: bytes,
    ) -> Row:
        if len(entry) > ENTRY_BYTES_MAX:
            raise EntryTooLarge(len(entry))
        return Row(
            position,
            stream,
            version,
            event_id,
            event_type,
            source,
            epoch,
            sequence,
            entry,
            leaf_hash(entry),
            self._recorded_at,
        )
