"""One event as it is stored, hashed, published, received and exported: a CloudEvent 1.0 in JSON.

The attributes and their meaning are the public contract (``docs/publishers``). The body of every
event type is a ``Body``: ``Published`` if the other service and the world may see it, ``Private``
if it stays in its author's log.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

Moment = Annotated[datetime, Meta(tz=True)]
"""A point in time with its offset; written in UTC."""


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an event says.

    ``TYPE`` is on disk and on the wire: written out, never derived, never changed. A field that has
    its default is left out of the bytes; one without a default is always there, if only empty.
    """

    TYPE: ClassVar[str] = ""


class Published(Body, frozen=True, kw_only=True, omit_defaults=True):
    """An event that its author publishes; it carries a dense ``sequence``."""


class Private(Body, frozen=True, kw_only=True, omit_defaults=True):
    """An event that stays in its author's log."""


class Unreadable(Struct, frozen=True, kw_only=True):
    """Stands in for a body that this version cannot read: unknown type, or another shape."""

    type: str
    reason: str


B_co = TypeVar("B_co", covariant=True)


class Head(Struct, frozen=True, kw_only=True):
    """Every attribute of an entry but its body, read from the same bytes.

    Attributes:
        specversion: The version of CloudEvents.
        id: Unique to the event; a UUIDv7. That of a reaction is derived from its cause.
        source: The service that recorded it, its author.
        type: What kind of event it is, and the version of its body.
        subject: What it is about: the key of an ops issue; of a team, for ``team-defined``.
        time: When it happened.
        datacontenttype: The body is JSON.
        recordedtime: When its author recorded it; never earlier than that of the event before it.
        log: The author's log.
        epoch: The epoch of that log; it grows when the log is restored.
        position: The event's position in that log: 1, 2, 3 … over all events in it.
        sequence: 1, 2, 3 … over the events that this author publishes: a missing number is an
            event you have not seen. Absent on events that are not published.
        correlationid: The request that began it all.
        causationid: The event or command that caused it; ``<source>#<id>`` for an event of another
            system.
        actor: Who did it: ``person:<name>``, ``team:<KEY>`` or ``system:<name>``.
    """

    specversion: Literal["1.0"]
    id: UUID
    source: str
    type: str
    subject: str
    time: Moment
    datacontenttype: Literal["application/json"] = "application/json"
    recordedtime: Moment
    log: UUID
    epoch: Annotated[int, Meta(ge=0)]
    position: Annotated[int, Meta(ge=1)]
    sequence: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    correlationid: str
    causationid: str
    actor: str


class Recorded(Head, Generic[B_co], frozen=True, kw_only=True):
    """One recorded event: the attributes of ``Head`` and its typed body.

    Attributes:
        data: What happened.
    """

    data: B_co


class Draft(Struct, frozen=True, kw_only=True):
    """An event before its log gave it a place: what a decision says, with who, when and why."""

    id: UUID
    subject: str
    time: datetime
    correlationid: str
    causationid: str
    actor: str
    data: Body


AnyRecorded = Recorded[Any]


def short_name(event_type: str) -> str:
    """``caselog.ops.team-assigned.v1`` → ``team-assigned``; any other text stays as it is."""
    match event_type.split("."):
        case ["caselog", _, name, _]:
            return name
        case _:
            return event_type
