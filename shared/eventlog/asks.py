"""A request on its way into the log, checked when it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Final

from shared.eventlog.model import (
    KEY_BYTES_MAX,
    NAME_BYTES_MAX,
    REQUEST_EVENTS_MAX,
    Append,
    Appended,
    Foreign,
    UniqueKey,
)

_NO_GHOSTS: Final[frozenset[tuple[bytes, ...]]] = frozenset()


class Ask:
    """One request on its way, and the future that its caller awaits.

    ``names`` is what at most one request on its way may carry: event ids, author's numbers, unique
    keys. ``ghosts`` holds the leaves of each try whose outcome is unknown;
    ``ghost_head`` is the furthest head such a try was made for. ``alone`` keeps it out of others'
    groups after an error that a group could not explain. ``deadline`` is set at its first trouble,
    in the loop's time.

    Raises ValueError for a request that no log could ever take.
    """

    __slots__ = ("alone", "deadline", "done", "ghost_head", "ghosts", "names", "request")

    def __init__(self, request: Append, done: asyncio.Future[Appended]) -> None:
        self.names = _names_of(request)
        self.request = request
        self.done = done
        self.deadline: float | None = None
        self.ghosts = _NO_GHOSTS
        self.ghost_head = -1
        self.alone = request.epoch is not None

    def fail(self, error: BaseException) -> None:
        if not self.done.done():  # the caller may be gone
            self.done.set_exception(error)


def _names_of(request: Append) -> Sequence[Hashable]:
    events, expected = request.events, request.expected
    if len(events) == 1 and not request.keys and type(events[0]) is not Foreign:  # the rule
        event = events[0]
        if len(expected) == 1 and expected.get(event.subject, -1) >= 0 and is_a_name(event.subject):
            return (event.id.int,)
    if not 0 < len(events) <= REQUEST_EVENTS_MAX:
        raise ValueError(f"{len(events)} events in one append: at least 1, at most 5,000")
    names: list[Hashable] = [event.id.int for event in events]
    for event in events:
        if isinstance(event, Foreign):
            names.append((event.source, event.epoch, event.sequence))
            if not (is_a_name(event.type) and is_a_name(event.source)):
                raise ValueError(f"neither {event.type!r} nor {event.source!r} may be that")
    streams = {event.subject for event in events}
    if streams != expected.keys():
        raise ValueError(f"touches {sorted(streams)}, expects versions of {sorted(expected)}")
    for stream, version in expected.items():
        if version < 0 or not is_a_name(stream):
            raise ValueError(f"no stream can be named {stream!r} and be at version {version}")
    for key in request.keys:
        check_key(key)
        names.append((key.scope, key.key))
    if len(set(names)) != len(names):
        raise ValueError("an id, an author's number or a key twice in one append")
    return names


@lru_cache(maxsize=10_000)
def is_a_name(text: str) -> bool:
    """Whether a stream, an event type or an author can be called that."""
    return text.isprintable() and 0 < len(text.encode()) <= NAME_BYTES_MAX


def check_key(key: UniqueKey) -> None:
    """Raises ValueError for a key that no log can hold."""
    if not key.scope or len(f"{key.scope}{key.key}".encode()) > KEY_BYTES_MAX:
        raise ValueError(f"no key can have the scope {key.scope!r} and {len(key.key)} characters")
    if "\0" in f"{key.scope}{key.key}{key.value}":
        raise ValueError("a key with a NUL character")
