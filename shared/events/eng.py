"""What Engineering publishes, on ``eng.events.<OPS-KEY>.<type>``.

One message for each linked ops issue.
"""

from __future__ import annotations

from typing import ClassVar

from shared.events.envelope import Published
from shared.events.vocabulary import ClaimOrigin, Visibility, Workflow

SOURCE = "/caselog/eng"


class Claimed(Published, frozen=True, kw_only=True, omit_defaults=True):
    """A team accepted the ops issue as its own; several teams may.

    Attributes:
        team: Key of the team.
        issue: Key of its engineering issue.
        origin: How the engineering issue came about: cloned from the ops issue, linked to it
            because it was there, or reopened after its work was closed.
        comment: What the team says to it; explains the link, if it is one.
    """

    TYPE: ClassVar[str] = "caselog.eng.claimed.v1"
    team: str
    issue: str
    origin: ClaimOrigin
    comment: str | None = None


class Rejected(Published, frozen=True, kw_only=True, omit_defaults=True):
    """A team says that the ops issue is not its own; it leaves Team(s).

    Attributes:
        team: Key of the team.
        comment: Why it is not.
        belongs_to: Key of the team it belongs to, or ``unknown``.
    """

    TYPE: ClassVar[str] = "caselog.eng.rejected.v1"
    team: str
    comment: str
    belongs_to: str


class SentToReview(Published, frozen=True, kw_only=True, omit_defaults=True):
    """A team asks Operations a question; it stays in Team(s) and keeps its claim.

    Attributes:
        team: Key of the team.
        comment: The question.
        issue: Key of its engineering issue, if it has one.
    """

    TYPE: ClassVar[str] = "caselog.eng.sent-to-review.v1"
    team: str
    comment: str
    issue: str | None = None


class Closed(Published, frozen=True, kw_only=True, omit_defaults=True):
    """A team's work on the ops issue is done.

    Attributes:
        team: Key of the team.
        issue: Key of its engineering issue.
        resolution: The team's own word for how it ended.
        comment: How it was resolved, for Operations.
    """

    TYPE: ClassVar[str] = "caselog.eng.closed.v1"
    team: str
    issue: str
    resolution: str
    comment: str


class Progressed(Published, frozen=True, kw_only=True, omit_defaults=True):
    """The engineering issue moved between the team's own statuses.

    Attributes:
        team: Key of the team.
        issue: Key of the engineering issue.
        from_status: The team's status before.
        to_status: The team's status now.
    """

    TYPE: ClassVar[str] = "caselog.eng.progressed.v1"
    team: str
    issue: str
    from_status: str
    to_status: str


class Commented(Published, frozen=True, kw_only=True, omit_defaults=True):
    """A team's comment, for the ops issue.

    Attributes:
        team: Key of the team.
        comment: What was said.
        visibility: Whether the customer may see it.
        issue: Key of the engineering issue it was made on, if it has one.
        captured_from: Where the discussion happened, if elsewhere.
    """

    TYPE: ClassVar[str] = "caselog.eng.commented.v1"
    team: str
    comment: str
    visibility: Visibility
    issue: str | None = None
    captured_from: str | None = None


class Linked(Published, frozen=True, kw_only=True, omit_defaults=True):
    """An engineering issue was linked to the ops issue.

    Attributes:
        team: Key of the team.
        issue: Key of the engineering issue.
    """

    TYPE: ClassVar[str] = "caselog.eng.linked.v1"
    team: str
    issue: str


class Unlinked(Published, frozen=True, kw_only=True, omit_defaults=True):
    """An engineering issue is no longer linked to the ops issue.

    Attributes:
        team: Key of the team.
        issue: Key of the engineering issue.
    """

    TYPE: ClassVar[str] = "caselog.eng.unlinked.v1"
    team: str
    issue: str


class TeamDefined(Published, frozen=True, kw_only=True, omit_defaults=True):
    """A team and its workflow, new or changed; it is not about a case.

    Attributes:
        team: Key of the team, also the event's subject.
        name: Its name.
        workflow: Its statuses, and which of them caselog acts on.
        domains: The domains that it owns, for suggesting a team for a new issue.
        manager: Its engineering manager.
        product_manager: Its primary product manager.
        channel: Its chat channel.
    """

    TYPE: ClassVar[str] = "caselog.eng.team-defined.v1"
    team: str
    name: str
    workflow: Workflow
    domains: tuple[str, ...]
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
