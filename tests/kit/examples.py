"""One valid example of each published event, minimal and full, for all tests.

Minimal has no optional field; full has every one, with another value than the default. With
``draft`` and ``STAMP`` they are the golden files under ``tests/contracts/golden``, so they never
change within a version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, TypeVar
from uuid import UUID

from shared.events import eng, ops
from shared.events.codec import Stamp
from shared.events.envelope import Draft, Published
from shared.events.ids import derived_id
from shared.events.vocabulary import Institution, SourceCase, Workflow

P = TypeVar("P", bound=Published)
Size = Literal["minimal", "full"]

CAUSE: Final = UUID("019f1c2e-5d80-7a3b-9c4d-5e6f70819203")
OPS_KEY: Final = "OPS-17"
ENG_KEY: Final = "MOB-3"
TEAM: Final = "MOB"
WHOLE_SECOND: Final = datetime(2026, 3, 2, 15, 4, 5, tzinfo=UTC)
MICROSECONDS: Final = datetime(2026, 3, 2, 15, 4, 5, 60007, tzinfo=UTC)

_OPENED: Final = ops.Opened(
    summary="Mobile deposit fails at the second photo",
    description="",
    severity="3 - Moderate",
    board="",
    product="",
    reporter="person:tess",
    institutions=(),
)
_OPENED_FULL: Final = ops.Opened(
    summary="Mobile deposit fails at the second photo",
    description="After the photo of the back: “Try again later”. 100 % of attempts since 9:00.",
    severity="1 - Critical",
    board="Mobile",
    product="Remote Deposit",
    reporter="person:tess",
    source_case=SourceCase(system="jsource", number="00123456", owner="Lou Ng"),
    institutions=(
        Institution(id="4711", name="First Bank of Żary"),
        Institution(id="4712", name="Harbor Credit Union"),
    ),
    prior_issue="OPS-4",
)
_WORKFLOW: Final = Workflow(
    statuses=("To Do", "In Progress", "Needs Ops Review", "Done", "Rejected"),
    default="To Do",
    review="Needs Ops Review",
    closed=("Done", "Rejected"),
)

MINIMAL: Final[Mapping[type[Published], Published]] = {
    body.__class__: body
    for body in (
        _OPENED,
        ops.Amended(),
        ops.TeamAssigned(
            team=TEAM, summary="Deposit fails", description="", severity="3 - Moderate"
        ),
        ops.TeamUnassigned(team=TEAM),
        ops.ReturnedToEngineering(teams=(TEAM,), answer="Android only."),
        ops.Commented(comment="Seen on Android 15.", visibility="internal", mentions=()),
        ops.UpdateRequested(team=TEAM, phase=1),
        ops.StatusChanged(
            from_status="Engineering Ownership", to_status="New", assigned=(), claimed=()
        ),
        ops.Closed(resolution="Done", comment="Fixed in 7.2.", cause="resolved"),
        ops.Reopened(reason="correct-resolution", comment="It was a duplicate.", teams=()),
        eng.Claimed(team=TEAM, issue=ENG_KEY, origin="cloned"),
        eng.Rejected(team=TEAM, comment="The API answers 500.", belongs_to="unknown"),
        eng.SentToReview(team=TEAM, comment="Which version of the app?"),
        eng.Closed(team=TEAM, issue=ENG_KEY, resolution="Done", comment="Fixed in 7.2."),
        eng.Progressed(team=TEAM, issue=ENG_KEY, from_status="To Do", to_status="In Progress"),
        eng.Commented(team=TEAM, comment="Reproduced.", visibility="internal"),
        eng.Linked(team=TEAM, issue=ENG_KEY),
        eng.Unlinked(team=TEAM, issue=ENG_KEY),
        eng.TeamDefined(team=TEAM, name="Mobile", workflow=_WORKFLOW, domains=()),
    )
}

FULL: Final[Mapping[type[Published], Published]] = {
    body.__class__: body
    for body in (
        _OPENED_FULL,
        ops.Amended(
            summary="Mobile deposit fails", description="Since 9:00.", severity="1 - Critical"
        ),
        ops.TeamAssigned(
            team=TEAM,
            summary=_OPENED_FULL.summary,
            description=_OPENED_FULL.description,
            severity="1 - Critical",
            heard=9,
        ),
        ops.TeamUnassigned(
            team=TEAM, comment="It is the API after all.", claim_dropped=True, heard=12
        ),
        ops.ReturnedToEngineering(
            teams=(TEAM, "API"),
            answer="Android 15, app 7.1.\nThe log is attached.",
            reopened=("API",),
            heard=14,
        ),
        ops.Commented(
            comment="Can you look? @BusinessAnalysts",
            visibility="public",
            mentions=("@BusinessAnalysts",),
            captured_from="chat #deposit",
            speaks_for=("Tier 2", TEAM),
        ),
        ops.UpdateRequested(team=TEAM, phase=4),
        ops.StatusChanged(
            from_status="New",
            to_status="Engineering Ownership",
            assigned=("API", TEAM),
            claimed=(TEAM,),
        ),
        ops.Closed(
            resolution="Duplicate",
            comment="The same as OPS-12.",
            cause="resolved",
            teams=(TEAM,),
            duplicate_of="OPS-12",
            heard=15,
        ),
        ops.Reopened(
            reason="late-verification", comment="It fails again.", teams=(TEAM,), heard=15
        ),
        eng.Claimed(
            team=TEAM, issue=ENG_KEY, origin="linked", comment="The same stack trace as ours."
        ),
        eng.Rejected(team=TEAM, comment="The API answers 500.", belongs_to="API"),
        eng.SentToReview(team=TEAM, comment="Which version of the app?", issue=ENG_KEY),
        eng.Closed(
            team=TEAM,
            issue=ENG_KEY,
            resolution="Fixed",
            comment="The camera’s second frame was discarded. Fixed in 7.2 \u2713",
        ),
        eng.Progressed(team=TEAM, issue=ENG_KEY, from_status="In Progress", to_status="In Test"),
        eng.Commented(
            team=TEAM,
            comment="A workaround: take both photos in landscape.",
            visibility="public",
            issue=ENG_KEY,
            captured_from="chat #mobile",
        ),
        eng.Linked(team=TEAM, issue=ENG_KEY),
        eng.Unlinked(team=TEAM, issue=ENG_KEY),
        eng.TeamDefined(
            team=TEAM,
            name="Mobile",
            workflow=_WORKFLOW,
            domains=("mobile deposit", "biometric sign-in"),
            manager="Em Okafor",
            product_manager="Pia Lund",
            channel="#mobile",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Example:
    """An example and the place its author's log gave it; ``name`` is that of its golden file."""

    size: Size
    draft: Draft
    stamp: Stamp

    @property
    def name(self) -> str:
        return f"{self.draft.data.TYPE}.{self.size}"


def minimal(kind: type[P]) -> P:
    """The example without optional fields."""
    body = MINIMAL[kind]
    assert isinstance(body, kind)
    return body


def full(kind: type[P]) -> P:
    """The example with every optional field."""
    body = FULL[kind]
    assert isinstance(body, kind)
    return body


def example(body: Published, size: Size) -> Example:
    """A body as its author recorded it, in a place that never changes."""
    return Example(size, _draft(body, size), _stamp(body, size))


def examples() -> Iterator[Example]:
    """All of them."""
    for kind in (*ops.PUBLISHED, *eng.PUBLISHED):
        yield example(MINIMAL[kind], "minimal")
        yield example(FULL[kind], "full")


def _draft(body: Published, size: Size) -> Draft:
    is_full = size == "full"
    return Draft(
        id=derived_id(CAUSE, f"{body.TYPE}.{size}"),
        subject=TEAM if isinstance(body, eng.TeamDefined) else OPS_KEY,
        time=MICROSECONDS if is_full else WHOLE_SECOND,
        correlationid="019f1c2e-5d80-7000-8000-000000000001",
        causationid="/servicenow/incidents#INC0012-3-1" if is_full else str(CAUSE),
        actor="system:servicenow" if is_full else "person:ada",
        data=body,
    )


def _stamp(body: Published, size: Size) -> Stamp:
    return Stamp(
        source=ops.SOURCE if body.TYPE.startswith("caselog.ops.") else eng.SOURCE,
        recordedtime=MICROSECONDS,
        log=UUID("019f1c00-0000-7000-8000-0000000000a1"),
        epoch=1 if size == "minimal" else 2,
        position=1 if size == "minimal" else 1204,
        sequence=1 if size == "minimal" else 311,
    )
