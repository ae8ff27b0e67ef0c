"""Entries of a history as the public contract has them; what they led to, a service says."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from shared.eventlog.model import Row
from shared.events import ops
from shared.events.envelope import Head, short_name


class HistoryEntry(Struct, frozen=True, kw_only=True):
    """One event of a stream, either service's.

    Attributes:
        position: Its position in this log.
        service: Its author.
        version: Its number within the stream.
        recorded_at: When it was recorded in this log.
        data: Its body, as its author wrote it.
        status_after: The status after it; None before there was one.
        outcome: What became of it here.
        rule: Why it has no effect, if it has none.
    """

    position: int
    service: Literal["ops", "eng"]
    version: int
    id: UUID
    type: str
    actor: str
    occurred_at: datetime
    recorded_at: datetime
    causation_id: str
    correlation_id: str
    data: msgspec.Raw
    status_after: str | None
    outcome: str
    rule: str | None


class _Event(Head, frozen=True, kw_only=True):
    """An entry with its body as it was written."""

    data: msgspec.Raw


_decoder = msgspec.json.Decoder(_Event)


def history_entry(
    row: Row, *, status_after: str | None, outcome: str, rule: str | None
) -> HistoryEntry:
    """The entry that a row is shown as."""
    event = _decoder.decode(row.entry)
    return HistoryEntry(
        position=row.position,
        service="ops" if event.source == ops.SOURCE else "eng",
        version=row.version,
        id=event.id,
        type=short_name(event.type),
        actor=event.actor,
        occurred_at=event.time,
        recorded_at=row.recorded_at,
        causation_id=event.causationid,
        correlation_id=event.correlationid,
        data=event.data,
        status_after=status_after,
        outcome=outcome,
        rule=rule,
    )
