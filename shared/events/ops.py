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
    """A customer issue was opened; its status is New.

    Attributes:
        summary: The issue in one line.
        description: The issue in full.
        severity: How bad it is for the customer.
        board: The board it was opened on.
        product: The product it is about.
        reporter: Who opened it.
        source_case: The customer-facing record that it stems from.
        institutions: The customer institutions that it affects, as far as known.
        prior_issue: Key of the earlier ops issue that this one follows.
    """

    TYPE: ClassVar[str] = "caselog.ops.opened.v1"
    summary: str
    description: str
    severity: Severity
    board: str
    product: str
    reporter: str
    source_case: SourceCase | None = None
    institutions: tuple[Institution, ...]
    prior_issue: str | None = None


class Amended(Published, frozen=True, kw_only=True, omit_defaults=True):
    """What the issue says changed; only what changed is present.

    Attributes:
        summary: The new summary.
        description: The new description.
        severity: The new severity.
    """

    TYPE: ClassVar[str] = "caselog.ops.amended.v1"
    summary: str | None = None
    description: str | None = None
    severity: Severity | None = None


class TeamAssigned(Published, frozen=True, kw_only=True, omit_defaults=True):
    """A team joined Team(s); carries what the team needs to act on this event alone.

    Attributes:
        team: Key of the team.
        summary: The issue in one line, as it is now.
        description: The issue in full, as it is now.
        severity: How bad it is for the customer, as of now.
        heard: Sequence of Engineering's last event about this issue that Operations held; 0: none.
    """

    TYPE: ClassVar[str] = "caselog.ops.team-assigned.v1"
    team: str
    summary: str
    description: str
    severity: Severity
    heard: int = 0


class TeamUnassigned(Published, frozen=True, kw_only=True, omit_defaults=True):
    """A team left Team(s).

    Attributes:
        team: Key of the team.
        comment: Why; always given if the team held a claim.
        claim_dropped: Whether Operations knew of a claim, which ended with this. A claim that
            crosses this event on the way stands.
        heard: Sequence of Engineering's last event about this issue that Operations held; 0: none.
    """

    TYPE: ClassVar[str] = "caselog.ops.team-unassigned.v1"
    team: str
    comment: str | None = None
    claim_dropped: bool = False
    heard: int = 0


class ReturnedToEngineering(Published, frozen=True, kw_only=True, omit_defaults=True):
    """Operations answered, and returned the issue to these teams.

    Attributes:
        teams: Keys of the teams.
        answer: What Operations answers.
        reopened: Those of them whose work Operations knew to be closed; it is open again. A team
            that closed its work on the way answers with a claim.
        heard: Sequence of Engineering's last event about this issue that Operations held; 0: none.
    """

    TYPE: ClassVar[str] = "caselog.ops.returned-to-engineering.v1"
    teams: tuple[str, ...]
    answer: str
    reopened: tuple[str, ...] = ()
    heard: int = 0


class Commented(Published, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody commented on the issue.

    Attributes:
        comment: What was said.
        visibility: Whether the customer may see it.
        mentions: The people and groups it names (``@BusinessAnalysts``).
        captured_from: Where the discussion happened, if elsewhere.
        speaks_for: Whom the author speaks for: ``Tier 2``, keys of teams on the issue. A comment
            that speaks for a team answers a request for its update.
    """

    TYPE: ClassVar[str] = "caselog.ops.commented.v1"
    comment: str
    visibility: Visibility
    mentions: tuple[str, ...]
    captured_from: str | None = None
    speaks_for: tuple[str, ...] = ()


class UpdateRequested(Published, frozen=True, kw_only=True, omit_defaults=True):
    """Operations asked a team how it stands.

    Attributes:
        team: Key of the team.
        phase: The step of the ladder, 1 to 4: the team's manager; the triage channel; the managers
            in person; the operations managers.
    """

    TYPE: ClassVar[str] = "caselog.ops.update-requested.v1"
    team: str
    phase: int


class StatusChanged(Published, frozen=True, kw_only=True, omit_defaults=True):
    """Operations' statement of the outcome, for readers that want only that.

    It follows its cause in the log at once, and says what folding the log gives.

    Attributes:
        from_status: The status before.
        to_status: The status now.
        assigned: Keys of the teams in Team(s) now.
        claimed: Keys of the teams that hold a claim now.
    """

    TYPE: ClassVar[str] = "caselog.ops.status-changed.v1"
    from_status: Status
    to_status: Status
    assigned: tuple[str, ...]
    claimed: tuple[str, ...]


class Closed(Published, frozen=True, kw_only=True, omit_defaults=True):
    """Operations closed the issue.

    Attributes:
        resolution: How it ended.
        comment: The internal comment on it.
        cause: Why it could be closed.
        teams: Keys of the teams that were in Team(s).
        duplicate_of: The other issue, if it is a duplicate: a key or ``<system>:<number>``.
        heard: Sequence of Engineering's last event about this issue that Operations held; 0: none.
    """

    TYPE: ClassVar[str] = "caselog.ops.closed.v1"
    resolution: Resolution
    comment: str
    cause: ClosureCause
    teams: tuple[str, ...] = ()
    duplicate_of: str | None = None
    heard: int = 0


class Reopened(Published, frozen=True, kw_only=True, omit_defaults=True):
    """The issue is open again, in Needs Ops Review; its resolution is cleared.

    Attributes:
        reason: Why. ``correct-resolution`` only corrects the record: no work follows from it.
        comment: What was found.
        teams: Keys of the teams in Team(s), who look at it again.
        heard: Sequence of Engineering's last event about this issue that Operations held; 0: none.
    """

    TYPE: ClassVar[str] = "caselog.ops.reopened.v1"
    reason: ReopenReason
    comment: str
    teams: tuple[str, ...]
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
