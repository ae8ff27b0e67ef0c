"""Ops issues to measure on: opened, and with a life, before anything is measured."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import cycle, islice
from typing import Final

from services.ops_issues.domain import events
from services.ops_issues.domain.events import KNOWN
from shared.eventlog.log import EventLog
from shared.eventlog.model import REQUEST_EVENTS_MAX, Append
from shared.eventlog.postgres import PostgresStore
from shared.events import ops
from shared.events.codec import Codec
from shared.events.envelope import Body, Draft
from shared.hosting.clock import utc_now
from shared.hosting.ids import new_id

TEXT: Final = (
    "The customer cannot sign in since the update of last night; the log is attached below."
)
OCCURRED: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
COMMENTED: Final = ops.Commented(
    comment=TEXT, visibility="internal", mentions=(), speaks_for=("Tier 2",)
)
OPENED: Final = ops.Opened(
    summary="Sign-in fails after the update",
    description=TEXT,
    severity="2 - High",
    board="Digital",
    product="Banking",
    reporter="ada",
    institutions=(),
)
LIFE: Final[tuple[Body, ...]] = (
    ops.TeamAssigned(
        team="MOB", summary=OPENED.summary, description=TEXT, severity="2 - High", heard=0
    ),
    COMMENTED,
    events.LabelAdded(label="sign-in"),
    COMMENTED,
    events.EvidenceAttached(kind="log", content=TEXT),
    COMMENTED,
    events.CustomerContacted(channel="call", comment=TEXT),
    COMMENTED,
)
"""What happens to an issue again and again; every other event is a comment."""


def ops_log(dsn: str) -> EventLog:
    """Operations' log, as its service has it."""
    return EventLog(
        PostgresStore(dsn, source=ops.SOURCE), source=ops.SOURCE, codec=Codec(KNOWN), clock=utc_now
    )


async def fill(log: EventLog, issues: int, events_each: int) -> list[str]:
    """Opens so many issues and lets each live for so many events; their keys.

    One event of each issue after the other, so that the events of one lie far apart, as they do
    when people work on many. Each append has as many events as an append may have.
    """
    keys = [f"OPS-{n}" for n in range(1, issues + 1)]
    for version, body in enumerate((OPENED, *islice(cycle(LIFE), events_each - 1))):
        for start in range(0, issues, REQUEST_EVENTS_MAX):
            part = keys[start : start + REQUEST_EVENTS_MAX]
            drafts = tuple(draft(key, body) for key in part)
            await log.append(Append(drafts, dict.fromkeys(part, version)))
    return keys


def draft(key: str, body: Body) -> Draft:
    """An event of one of Tier 2."""
    return Draft(
        id=new_id(),
        subject=key,
        time=OCCURRED,
        correlationid="01932b6f-8a00-7abc-8def-0123456789ab",
        causationid="01932b6f-8a00-7abc-8def-0123456789ab",
        actor="person:ada",
        data=body,
    )
