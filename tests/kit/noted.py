"""Events of no domain, for the tests of the log: one kind is published, one is not."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from shared.eventlog.migrate import migrate
from shared.eventlog.model import Append, Foreign, UniqueKey
from shared.events.codec import Codec, Stamp, encode
from shared.events.envelope import Draft, Private, Published

SOURCE: Final = "/test/here"
ELSEWHERE: Final = "/test/elsewhere"
FOREIGN_LOG: Final = UUID("0195c2f0-0000-7000-8000-00000000f0f0")
LONG_AGO: Final = datetime(2020, 1, 1, tzinfo=UTC)


class Noted(Published, frozen=True, kw_only=True, omit_defaults=True):
    """Said to the world."""

    TYPE: ClassVar[str] = "test.log.noted.v1"
    text: str = ""


class Murmured(Private, frozen=True, kw_only=True, omit_defaults=True):
    """Kept to oneself."""

    TYPE: ClassVar[str] = "test.log.murmured.v1"
    text: str = ""


CODEC: Final = Codec([Noted, Murmured])


SILENCE: Final[tuple[str, ...]] = ()
"""Where the fold ``texts`` starts."""


def any_id() -> UUID:
    return UUID(int=random.getrandbits(128))


def with_log(owner_dsn: str) -> None:
    """Prepares a database: ``await database(with_log)``."""
    migrate(owner_dsn)


def noted(stream: str, text: str = "", *, event_id: UUID | None = None) -> Draft:
    return _draft(stream, Noted(text=text), event_id)


def murmured(stream: str, text: str = "", *, event_id: UUID | None = None) -> Draft:
    return _draft(stream, Murmured(text=text), event_id)


def _draft(stream: str, data: Noted | Murmured, event_id: UUID | None) -> Draft:
    return Draft(
        id=event_id or any_id(),
        subject=stream,
        time=LONG_AGO,
        correlationid="a-request",
        causationid="a-request",
        actor="person:ada",
        data=data,
    )


def foreign(stream: str, sequence: int, *, event_id: UUID | None = None, text: str = "") -> Foreign:
    """The event number ``sequence`` of another log."""
    draft = noted(stream, text, event_id=event_id)
    stamp = Stamp(
        source=ELSEWHERE,
        recordedtime=LONG_AGO,
        log=FOREIGN_LOG,
        epoch=1,
        position=sequence,
        sequence=sequence,
    )
    return Foreign(
        id=draft.id,
        subject=stream,
        type=Noted.TYPE,
        source=ELSEWHERE,
        epoch=1,
        sequence=sequence,
        entry=encode(draft, stamp),
    )


def append(
    *events: Draft | Foreign,
    at: int | Mapping[str, int] = 0,
    keys: tuple[UniqueKey, ...] = (),
) -> Append:
    """A request; ``at`` is the version expected of every stream, or of each by name."""
    streams = {event.subject for event in events}
    expected = dict.fromkeys(streams, at) if isinstance(at, int) else dict(at)
    return Append(events, expected, keys)


def texts(state: tuple[str, ...], event: Any) -> tuple[str, ...]:
    """A fold: what was said, in order."""
    return (*state, event.data.text)
