"""One ops issue as its log tells it: the state that decisions look at.

The status is the headline over what each team does. It is a stage that holds what only that status
knows: what is awaited while waiting, the resolution once closed. A stage is left by entering
another, so nothing of it outlives it.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from services.ops_issues.domain.events import AwaitedFrom
from services.ops_issues.domain.facets import Facet
from shared.events.vocabulary import (
    ClosureCause,
    Institution,
    LinkKind,
    ReopenReason,
    Resolution,
    Severity,
    SourceCase,
    Status,
)


class Return(Struct, frozen=True):
    """The words with which Operations returned the issue to these teams."""

    teams: tuple[str, ...]
    answer: str


class Reopening(Struct, frozen=True):
    """The words with which the issue was reopened."""

    reason: ReopenReason
    comment: str


class Stage(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="status"):
    """What holds as long as the status does; ``since`` is when the status became so."""

    STATUS: ClassVar[Status]
    since: datetime


class New(Stage, frozen=True, kw_only=True, omit_defaults=True, tag="New"):
    """Nobody works on it; ``returned`` if Operations returned it to teams that never claimed it."""

    STATUS: ClassVar[Status] = "New"
    returned: Return | None = None


class OpsOwned(Stage, frozen=True, kw_only=True, omit_defaults=True, tag="Ops Ownership"):
    """Tier 2 works on it itself."""

    STATUS: ClassVar[Status] = "Ops Ownership"


class EngineeringOwned(
    Stage, frozen=True, kw_only=True, omit_defaults=True, tag="Engineering Ownership"
):
    """Teams work on it; ``returned`` if that is because Operations returned it to them."""

    STATUS: ClassVar[Status] = "Engineering Ownership"
    returned: Return | None = None


class WaitingOnInfo(Stage, frozen=True, kw_only=True, omit_defaults=True, tag="Waiting on Info"):
    """Information from outside is awaited; ``answered_at`` is when the customer gave it."""

    STATUS: ClassVar[Status] = "Waiting on Info"
    awaited_from: AwaitedFrom
    comment: str
    case_number: str | None = None
    answered_at: datetime | None = None


class NeedsReview(Stage, frozen=True, kw_only=True, omit_defaults=True, tag="Needs Ops Review"):
    """Operations must look at it; ``reopening`` if that is because it was closed before."""

    STATUS: ClassVar[Status] = "Needs Ops Review"
    reopening: Reopening | None = None


class WithProduct(
    Stage, frozen=True, kw_only=True, omit_defaults=True, tag="Product Management Ownership"
):
    """It needs a project: whose, and the note to that product manager."""

    STATUS: ClassVar[Status] = "Product Management Ownership"
    pm: str
    comment: str


class Closed(Stage, frozen=True, kw_only=True, omit_defaults=True, tag="Issue is Closed"):
    """It has exactly one resolution, until it is reopened."""

    STATUS: ClassVar[Status] = "Issue is Closed"
    resolution: Resolution
    comment: str
    cause: ClosureCause
    duplicate_of: str | None = None


AnyStage = New | OpsOwned | EngineeringOwned | WaitingOnInfo | NeedsReview | WithProduct | Closed


class Link(Struct, frozen=True):
    """A link that Operations made; Engineering's are in the facets."""

    kind: LinkKind
    to: str


class Parked(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A received event that waits: the one that cannot be read (no ``event``), or one behind it.

    Attributes:
        id: Id of the event.
        type: Its type.
        event: The event in JSON, to be applied when its turn comes.
    """

    id: UUID
    type: str
    event: bytes = b""


class Unopened(Struct, frozen=True, tag="unopened"):
    """What is known of a key that no issue was opened under: nothing, whatever is said about it."""


class OpsIssue(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="issue"):
    """One ops issue.

    Attributes:
        key: Its key.
        stage: Its status, and what only that status knows.
        stated: The status that the log states, by ``status-changed`` or by the opening.
        facets: Each team that ever had to do with it, in the order they came.
        links: What Operations linked, in the order it did.
        acknowledged_at: When Tier 2 first acted on it.
        comments: How many there are, of both services.
        heard: Sequence of Engineering's last event that was taken in here; 0: none.
        parked: What waits behind an event that this version cannot read, that one first. At most
            what the issue's own stream holds, which whoever folds it has read anyway.
    """

    key: str
    opened_at: datetime
    summary: str
    description: str
    severity: Severity
    board: str
    product: str
    reporter: str
    source_case: SourceCase | None = None
    stage: AnyStage
    stated: Status = "New"
    assignee: str | None = None
    facets: tuple[Facet, ...] = ()
    labels: tuple[str, ...] = ()
    institutions: tuple[Institution, ...] = ()
    links: tuple[Link, ...] = ()
    acknowledged_at: datetime | None = None
    comments: int = 0
    heard: int = 0
    parked: tuple[Parked, ...] = ()

    @property
    def status(self) -> Status:
        return self.stage.STATUS

    @property
    def is_closed(self) -> bool:
        return type(self.stage) is Closed

    @property
    def assigned(self) -> tuple[str, ...]:
        """Team(s)."""
        return tuple(facet.team for facet in self.facets if facet.assigned)

    @property
    def claimed(self) -> tuple[str, ...]:
        """The teams that hold a claim whose work is not closed."""
        return tuple(facet.team for facet in self.facets if facet.claim == "open")

    @property
    def in_review(self) -> tuple[str, ...]:
        """The teams whose question is open."""
        return tuple(facet.team for facet in self.facets if facet.asking)

    @property
    def has_claims(self) -> bool:
        """Whether there is a claim by anyone, work closed or not."""
        return any(facet.claim is not None for facet in self.facets)

    def facet(self, team: str) -> Facet | None:
        for facet in self.facets:
            if facet.team == team:
                return facet
        return None


State = Unopened | OpsIssue
UNOPENED: Final = Unopened()


def with_facet(issue: OpsIssue, facet: Facet) -> OpsIssue:
    """The issue with this facet as its team's; the very same if it is there already."""
    for index, held in enumerate(issue.facets):
        if held.team == facet.team:
            if held is facet:
                return issue
            facets = (*issue.facets[:index], facet, *issue.facets[index + 1 :])
            return replace(issue, facets=facets)
    return replace(issue, facets=(*issue.facets, facet))


def entered(issue: OpsIssue, stage: AnyStage) -> OpsIssue:
    """The issue in that stage, said by Operations. Nothing but reopening leaves ``Closed``.

    A status that stays keeps its ``since``.
    """
    held = issue.stage
    if type(held) is Closed:
        return issue
    if type(held) is type(stage):
        stage = replace(stage, since=held.since)
    return issue if stage == held else replace(issue, stage=stage)


def fallen(
    issue: OpsIssue, to: type[New | EngineeringOwned | NeedsReview], at: datetime
) -> OpsIssue:
    """The issue in that status, by a team's act; the very same if it is there already."""
    held = issue.stage
    if type(held) is to or type(held) is Closed:
        return issue
    return replace(issue, stage=to(since=at))
