"""What happens to an engineering issue itself: private events, in the issue's own stream.

The ops issues it serves are told by the published events (``shared/events/eng.py``), in theirs. The
type strings are on disk.
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from msgspec import Struct

from shared.events import eng, ops
from shared.events.envelope import Body, Private
from shared.events.vocabulary import Severity, Visibility

MoveOrigin = Literal["hand", "tracker", "returned", "claimed", "asked", "rejected", "recovered"]
"""Why an issue moved: a person on the board, another system, one ops issue that it serves, or the
recovery of a log that lost the move itself."""


class Said(Struct, frozen=True, kw_only=True):
    """One event of a decision and the stream that it belongs to.

    One decision may speak of several streams.
    """

    subject: str
    data: Body


class IssueCreated(Private, frozen=True, kw_only=True, omit_defaults=True):
    """The issue is on the team's board, in the workflow's default status.

    ``clone_of`` is the ops issue it was cloned from by a claim; a team's own issue has none.
    """

    TYPE: ClassVar[str] = "caselog.eng.issue-created.v1"
    team: str
    summary: str
    description: str
    severity: Severity
    status: str
    clone_of: str | None = None


class IssueMoved(Private, frozen=True, kw_only=True, omit_defaults=True):
    """The issue is in another status of its team's workflow.

    ``resolution`` is the one it has from now on: moving back to work clears it. ``ops_issue`` is
    the one on whose account it moved, None where the move speaks for all.
    """

    TYPE: ClassVar[str] = "caselog.eng.issue-moved.v1"
    from_status: str
    to_status: str
    origin: MoveOrigin
    resolution: str | None = None
    comment: str | None = None
    ops_issue: str | None = None


class IssueAssigned(Private, frozen=True, kw_only=True, omit_defaults=True):
    """A person works on it."""

    TYPE: ClassVar[str] = "caselog.eng.issue-assigned.v1"
    assignee: str


class IssueCommented(Private, frozen=True, kw_only=True, omit_defaults=True):
    """A comment on the issue; ``ops_issue`` is where it came from, if it is Operations' answer."""

    TYPE: ClassVar[str] = "caselog.eng.issue-commented.v1"
    comment: str
    visibility: Visibility
    captured_from: str | None = None
    ops_issue: str | None = None


class IssueLinked(Private, frozen=True, kw_only=True, omit_defaults=True):
    """The issue serves this ops issue; the mirror of ``claimed`` or ``linked`` in its stream."""

    TYPE: ClassVar[str] = "caselog.eng.issue-linked.v1"
    ops_issue: str


class IssueUnlinked(Private, frozen=True, kw_only=True, omit_defaults=True):
    """The issue no longer serves this ops issue; the mirror of ``unlinked`` in its stream."""

    TYPE: ClassVar[str] = "caselog.eng.issue-unlinked.v1"
    ops_issue: str


class IssueAmended(Private, frozen=True, kw_only=True, omit_defaults=True):
    """Operations amended the ops issue that this is a clone of; only what changed is present."""

    TYPE: ClassVar[str] = "caselog.eng.issue-amended.v1"
    ops_issue: str
    summary: str | None = None
    description: str | None = None
    severity: Severity | None = None


class TeamDropped(Private, frozen=True, kw_only=True, omit_defaults=True):
    """Operations unassigned the team from an ops issue that this issue serves; its claim is gone.

    The link stays: the team closes the issue itself. ``comment`` is what Operations said to it.
    """

    TYPE: ClassVar[str] = "caselog.eng.team-dropped.v1"
    ops_issue: str
    comment: str | None = None


PRIVATE: Final[tuple[type[Private], ...]] = (
    IssueCreated,
    IssueMoved,
    IssueAssigned,
    IssueCommented,
    IssueLinked,
    IssueUnlinked,
    IssueAmended,
    TeamDropped,
)
BODIES: Final[tuple[type[Body], ...]] = (*PRIVATE, *eng.PUBLISHED, *ops.PUBLISHED)
"""Every body this service can read: what its codec is made of."""
