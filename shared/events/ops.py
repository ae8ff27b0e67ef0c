"""What Operations publishes, on ``ops.events.<OPS-KEY>.<type>``.

``heard``, where an event has it, is the ``sequence`` of Engineering's last event about this issue
that Operations held when it said so (0: none). What Engineering said after that one crosses this
event on the way and stands behind it in Operations' log: by it both sides put the same facts in the
same order.
"""

from __future__ import annotations

from typing import ClassVar

from shared.events.envelope import Published
from shared.events.vocabulary import (
    ClosureCause,
    Institution,
    ReopenReason,
    Resolution,
    Severity,
    SourceCase,
    Status,
    Visibility,
)

SOURCE = "/caselog/ops"


class Opened(Published, frozen=True, kw_only=True, omit_defaults=True):
    """A customer issue was opened; its status is New."""

    TYPE: ClassVar[str] = "caselog.ops.opened.v1"
    summary: str
    description: str
    severity: Severity
    board: str
    product: str
    reporter: str
    source_case: SourceCase | None = None
    institutions: tuple[Institution, ...] = ()
    prior_issue: str | None = None


class Amended(Published, frozen=True, kw_only=True, omit_defaults=True):
    """What the issue says changed; only what changed is present."""

    TYPE: ClassVar[str] = "caselog.ops.amended.v1"
    summary: str | None = None
    description: str | None = None
    severity: Severity | None = None


class TeamAssigned(Published, frozen=True, kw_only=True, omit_defaults=True):
    """A team joined Team(s); carries what the team needs to act on this event alone."""

    TYPE: ClassVar[str] = "caselog.ops.team-assigned.v1"
    team: str
    summary: str
    description: str
    severity: Severity
    heard: int = 0


class TeamUnassigned(Published, frozen=True, kw_only=True, omit_defaults=True):
    """A team left Team(s). ``claim_dropped`` says whether Operations knew of a claim, which ended with it;
    a claim that crosses this event on the way stands.
    """

    TYPE: ClassVar[str] = "caselog.ops.team-unassigned.v1"
    team: str
    comment: str | None = None
    claim_dropped: bool = False
    heard: int = 0


class ReturnedToEngineering(Published, frozen=True, kw_only=True, omit_defaults=True):
    """Operations answered and returned the issue to these teams. ``reopened`` names those of them whose work
    Operations knew to be closed; a team that closed its work on the way answers with a claim.
    """

    TYPE: ClassVar[str] = "caselog.ops.returned-to-engineering.v1"
    teams: tuple[str, ...]
    answer: str
    reopened: tuple[str, ...] = ()
    heard: int = 0


class Commented(Published, frozen=True, kw_only=True, omit_defaults=True):
    """A comment on the issue; ``captured_from`` names where a discussion elsewhere happened."""

    TYPE: ClassVar[str] = "caselog.ops.commented.v1"
    comment: str
    visibility: Visibility
    mentions: tuple[str, ...] = ()
    captured_from: str | None = None


class UpdateRequested(Published, frozen=True, kw_only=True, omit_defaults=True):
    """Operations asked a team for an update; ``phase`` 1 to 4 is the step of the ladder."""

    TYPE: ClassVar[str] = "caselog.ops.update-requested.v1"
    team: str
    phase: int


class StatusChanged(Published, frozen=True, kw_only=True, omit_defaults=True):
    """Operations' statement of the outcome, appended with its cause; always equal to the fold."""

    TYPE: ClassVar[str] = "caselog.ops.status-changed.v1"
    from_status: Status
    to_status: Status
    assigned: tuple[str, ...] = ()
    claimed: tuple[str, ...] = ()


class Closed(Published, frozen=True, kw_only=True, omit_defaults=True):
    """Operations closed the issue. ``teams`` are those that were in Team(s)."""

    TYPE: ClassVar[str] = "caselog.ops.closed.v1"
    resolution: Resolution
    comment: str
    cause: ClosureCause
    teams: tuple[str, ...] = ()
    duplicate_of: str | None = None
    heard: int = 0


class Reopened(Published, frozen=True, kw_only=True, omit_defaults=True):
    """The issue is open again, in Needs Ops Review; its resolution is cleared."""

    TYPE: ClassVar[str] = "caselog.ops.reopened.v1"
    reason: ReopenReason
    comment: str
    teams: tuple[str, ...] = ()
    heard: int = 0


PUBLISHED: tuple[type[Published], ...] = (
    Opened,
    Amended,
    TeamAssigned,
    TeamUnassigned,
    ReturnedToEngineering,
    Commented,
    UpdateRequested,
    StatusChanged,
    Closed,
    Reopened,
)
