"""One event as it is stored, hashed, published, received and exported: a CloudEvent 1.0 in JSON.

The attributes and their meaning are the public contract (``docs/publishers``). The body of every event type is a
``Body``: ``Published`` if the other service and the world may see it, ``Private`` if it stays in its author's log.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Generic, Literal, TypeVar
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an event says. ``TYPE`` is on disk and on the wire: written out, never derived, never changed."""

    TYPE: ClassVar[str] = ""


class Published(Body, frozen=True, kw_only=True, omit_defaults=True):
    """An event that its author publishes; it carries a dense ``sequence``."""


class Private(Body, frozen=True, kw_only=True, omit_defaults=True):
    """An event that stays in its author's log."""


class Unreadable(Struct, frozen=True, kw_only=True):
    """Stands in for a body that this version cannot read: an unknown type, or a body of another shape."""

    type: str
    reason: str


B_co = TypeVar("B_co", covariant=True)


class Head(Struct, frozen=True, kw_only=True):
    """Every attribute of an entry but its body, read from the same bytes."""

    specversion: Literal["1.0"]
    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    recordedtime: datetime
    log: UUID
    epoch: int
    position: int
    sequence: int | UnsetType = UNSET
    correlationid: str
    causationid: str
    actor: str


class Recorded(Head, Generic[B_co], frozen=True, kw_only=True):
    """One recorded event: the attributes of ``Head`` and its typed body."""

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
    """``caselog.ops.team-assigned.v1`` → ``team-assigned``."""
    return event_type.split(".")[2]
