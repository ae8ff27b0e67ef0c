"""Turning waiting requests into groups of rows. No I/O: heads, times and requests in, rows out.

A group is made for a head that is assumed: the one that the group before it, still on its way,
will leave. So is every judgement about a request. What the requests of unsettled groups touch is
*pending*; a request that disagrees with something pending is neither right nor wrong yet and is
put off. What committed groups left behind is *known*; a request that disagrees with it is
suspected, and its verdict is looked up in the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterator, Mapping
from datetime import datetime
from enum import Enum, auto
from functools import lru_cache
from hashlib import sha256
from typing import Final

from shared.eventlog.model import (
    ENTRY_BYTES_MAX,
    KEY_BYTES_MAX,
    NAME_BYTES_MAX,
    REQUEST_EVENTS_MAX,
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
from shared.events.envelope import Published

GROUP_EVENTS_MAX: Final = 128
"""Events to a group; nothing is gained past that, and two groups overlap better than one."""
GROUP_BYTES_MAX: Final = 4 * 1024 * 1024
"""Entry bytes after which a group takes no further request."""
KNOWN_STREAMS_MAX: Final = 50_000
"""Streams whose version is remembered from committed groups."""

_NO_GHOSTS: Final[frozenset[bytes]] = frozenset()


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf of the log's tree (RFC 6962): SHA-256 of 0x00 and the entry's bytes."""
    return sha256(b"\0" + entry).digest()


class Ask:
    """One request on its way, and the future that its caller awaits.

    ``names`` is what at most one request on its way may carry: event ids, author's numbers, unique
    keys. ``ghosts`` holds the leaf of the first entry of each try whose outcome is unknown;
    ``ghost_head`` is the furthest head such a try was made for. ``alone`` keeps it out of others'
    groups after an error that a group could not explain.

    Raises ValueError for a request that no log could ever take.
    """

    __slots__ = ("alone", "deadline", "done", "ghost_head", "ghosts", "names", "request")

    def __init__(self, request: Append, done: asyncio.Future[Appended], deadline: float) -> None:
        self.request = request
        self.names = _names_of(request)
        self.done = done
        self.deadline = deadline
        self.ghosts = _NO_GHOSTS
        self.ghost_head = -1
        self.alone = False

    def succeed(self, appended: Appended) -> None:
        if not self.done.done():  # the caller may be gone
            self.done.set_result(appended)

    def fail(self, error: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(error)


def _names_of(request: Append) -> list[Hashable]:
    events, expected = request.events, request.expected
    if not 0 < len(events) <= REQUEST_EVENTS_MAX:
        raise ValueError(f"{len(events)} events in one append: at least 1, at most 5,000")
    names: list[Hashable] = []
    streams = set()
    for event in events:
        names.append(event.id.int)
        streams.add(event.subject)
        if type(event) is Foreign:
            names.append((event.source, event.epoch, event.sequence))
            if not (_is_a_name(event.type) and _is_a_name(event.source)):
                raise ValueError(f"neither {event.type!r} nor {event.source!r} may be that")
    if streams != expected.keys():
        raise ValueError(f"touches {sorted(streams)}, expects versions of {sorted(expected)}")
    for stream, version in expected.items():
        if version < 0 or not _is_a_name(stream):
            raise ValueError(f"no stream can be named {stream!r} and be at version {version}")
    for key in request.keys:
        check_key(key)
        names.append((key.scope, key.key))
    if len(names) > 1 and len(set(names)) != len(names):
        raise ValueError("an id, an author's number or a key twice in one append")
    return names


@lru_cache(maxsize=10_000)
def _is_a_name(text: str) -> bool:
    return text.isprintable() and 0 < len(text.encode()) <= NAME_BYTES_MAX


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
        while len(self._versions) > KNOWN_STREAMS_MAX:
            del self._versions[next(iter(self._versions))]

    def clear(self) -> None:
        self._versions.clear()


class Batch:
    """A group in the making: the requests in it, their rows, and what they leave pending.

    It is made for ``tip``, which the log has or which the ``previous`` group will leave.
    """

    def __init__(
        self, tip: Tip, recorded_at: datetime, source: str, known: Known, previous: Batch | None
    ) -> None:
        self.tip = tip
        self.asks: list[Ask] = []
        self.rows: list[Row] = []
        self.versions: dict[str, int] = {}
        self.names: set[Hashable] = set()
        self._recorded_at = recorded_at
        self._source = source
        self._known = known
        self._previous = previous
        self._sequence = tip.head.sequence
        self._bytes = 0
        self._ends: list[int] = []
        self._touched: list[dict[str, int]] = []
        self._keys: list[tuple[int, UniqueKey]] = []
        self._unproven: list[tuple[int, str, int]] = []

    @property
    def tip_after(self) -> Tip:
        log, epoch, last = self.tip.head.log, self.tip.head.epoch, self.rows[-1]
        return Tip(LogHead(log, epoch, last.position, self._sequence), last.leaf, last.recorded_at)

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
        if self.asks and self._is_full_for(ask):
            return Admission.FULL
        previous, unproven = self._previous, []
        for stream, version in ask.request.expected.items():
            pending = self.versions.get(stream)
            if pending is None and previous is not None:
                pending = previous.versions.get(stream)
            if pending is not None:
                if pending != version:
                    return Admission.LATER
                continue
            known = self._known.get(stream)
            if known is not None and version < known:
                return Admission.SUSPECT
            if version and version != known:
                unproven.append((len(self.asks), stream, version))
        if not self.names.isdisjoint(ask.names):
            return Admission.LATER
        if previous is not None and not previous.names.isdisjoint(ask.names):
            return Admission.LATER
        self._take(ask)
        self._unproven += unproven
        return Admission.TAKEN

    def appended(self) -> Iterator[tuple[Ask, Appended]]:
        """Each request with what it gets once the group is committed."""
        start = 0
        for ask, end, touched in zip(self.asks, self._ends, self._touched, strict=True):
            yield ask, Appended(tuple(self.rows[start:end]), touched)
            start = end

    def haunt(self) -> None:
        """Notes in each request that this group may be stored, now or later."""
        start = 0
        for ask, end in zip(self.asks, self._ends, strict=True):
            ask.ghosts |= {self.rows[start].leaf}
            ask.ghost_head = max(ask.ghost_head, self.tip.head.position)
            start = end

    def _is_full_for(self, ask: Ask) -> bool:
        return (
            len(self.rows) + len(ask.request.events) > GROUP_EVENTS_MAX
            or self._bytes >= GROUP_BYTES_MAX
            or ask.alone
            or self.asks[0].alone
        )

    def _take(self, ask: Ask) -> None:
        head = self.tip.head
        versions = dict(ask.request.expected)
        position = head.position + len(self.rows)
        last_sequence = self._sequence
        rows, size = [], 0
        for event in ask.request.events:
            position += 1
            stream = event.subject
            versions[stream] = version = versions[stream] + 1
            if isinstance(event, Foreign):
                event_type, source, epoch = event.type, event.source, event.epoch
                sequence: int | None = event.sequence
                entry = event.entry
            else:
                event_type, source, epoch = event.data.TYPE, self._source, head.epoch
                sequence = None
                if isinstance(event.data, Published):
                    sequence = last_sequence = last_sequence + 1
                stamp = Stamp(
                    source=source,
                    recordedtime=self._recorded_at,
                    log=head.log,
                    epoch=epoch,
                    position=position,
                    sequence=sequence,
                )
                entry = encode(event, stamp)
            size += len(entry)
            if len(entry) > ENTRY_BYTES_MAX:
                raise EntryTooLarge(len(entry))
            place = (position, stream, version, event.id, event_type, source, epoch, sequence)
            rows.append(Row(*place, entry, leaf_hash(entry), self._recorded_at))
        # Nothing raises from here on.
        self._keys += [(len(self.asks), key) for key in ask.request.keys]
        self._sequence = last_sequence
        self._bytes += size
        self.asks.append(ask)
        self.rows += rows
        self._ends.append(len(self.rows))
        self._touched.append(versions)
        self.names.update(ask.names)
        self.versions.update(versions)
