"""What Engineering publishes, on ``eng.events.<OPS-KEY>.<type>``: one message for each linked ops issue."""

from __future__ import annotations

from typing import ClassVar

from shared.events.envelope import Published
from shared.events.vocabulary import ClaimOrigin, Visibility, Workflow

SOURCE = "/caselog/eng"


class Claimed(Published, frozen=True, kw_only=True, omit_defaults=True):
    """A team accepted the ops issue as its own; several teams may."""

    TYPE: ClassVar[str] = "caselog.eng.claimed.v1"
    team: str
    issue: str
    origin: ClaimOrigin
    comment: str | None = None


class Rejected(Published, frozen=True, kw_only=True, omit_defaults=True):
    """A team says the ops issue is not its own; ``belongs_to`` is a team or ``unknown``."""

    TYPE: ClassVar[str] = "caselog.eng.rejected.v1"
    team: str
    comment: str
    belongs_to: str


class SentToReview(Published, frozen=True, kw_only=True, omit_defaults=True):
    """A team asks Operations a question; it stays in Team(s)."""

    TYPE: ClassVar[str] = "caselog.eng.sent-to-review.v1"
    team: str
    comment: str
    issue: str | None = None


class Closed(Published, frozen=True, kw_only=True, omit_defaults=True):
    """A team's work on the ops issue is done; ``comment`` says how it was resolved."""

    TYPE: ClassVar[str] = "caselog.eng.closed.v1"
    team: str
    issue: str
    resolution: str
    comment: str


class Progressed(Published, frozen=True, kw_only=True, omit_defaults=True):
    """The engineering issue moved between the team's own statuses."""

    TYPE: ClassVar[str] = "caselog.eng.progressed.v1"
    team: str
    issue: str
    from_status: str
    to_status: str


class Commented(Published, frozen=True, kw_only=True, omit_defaults=True):
    """A team's comment; ``captured_from`` names where a discussion elsewhere happened."""

    TYPE: ClassVar[str] = "caselog.eng.commented.v1"
    team: str
    comment: str
    visibility: Visibility
    issue: str | None = None
    captured_from: str | None = None


class Linked(Published, frozen=True, kw_only=True, omit_defaults=True):
    """An engineering issue was linked to the ops issue."""

    TYPE: ClassVar[str] = "caselog.eng.linked.v1"
    team: str
    issue: str


class Unlinked(Published, frozen=True, kw_only=True, omit_defaults=True):
    """An engineering issue is no longer linked to the ops issue."""

    TYPE: ClassVar[str] = "caselog.eng.unlinked.v1"
    team: str
    issue: str


class TeamDefined(Published, frozen=True, kw_only=True, omit_defaults=True):
    """A team and its workflow; its subject is the team key, it is not about a case."""

    TYPE: ClassVar[str] = "caselog.eng.team-defined.v1"
    team: str
    name: str
    workflow: Workflow
    domains: tuple[str, ...] = ()
    manager: str | None = None
    product_manager: str | None = None
    channel: str | None = None


PUBLISHED: tuple[type[Published], ...] = (
    Claimed,
    Rejected,
    SentToReview,
    Closed,
    Progressed,
    Commented,
    Linked,
    Unlinked,
    TeamDefined,
)
