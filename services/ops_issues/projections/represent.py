"""An ops issue and its history as others see them: the JSON of the public contract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from services.ops_issues.domain.events import AwaitedFrom
from services.ops_issues.domain.facets import Facet
from services.ops_issues.domain.fold import evolve, outcome
from services.ops_issues.domain.ops_issue import (
    UNOPENED,
    Closed,
    OpsIssue,
    State,
    WaitingOnInfo,
)
from shared.eventlog.model import Row
from shared.events.codec import Codec
from shared.events.vocabulary import (
    Institution,
    LinkKind,
    Resolution,
    Severity,
    SourceCase,
    Status,
)
from shared.hosting.histories import HistoryEntry, history_entry


class TeamView(Struct, frozen=True, kw_only=True):
    """One team of Team(s); ``issue`` is its engineering issue, if one is linked."""

    team: str
    state: Literal["assigned", "claimed", "in-review", "done"]
    since: datetime
    issue: str | None


class LinkView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A link. Of one that Engineering made, also which ``team`` and its issue's ``status``."""

    kind: LinkKind
    to: str
    team: str | None = None
    status: str | None = None


class AwaitedView(Struct, frozen=True, kw_only=True, rename={"awaited_from": "from"}):
    """What is awaited, from whom; ``answered_at`` is when the customer answered."""

    awaited_from: AwaitedFrom
    comment: str
    case_number: str | None
    answered_at: datetime | None


class IssueView(Struct, frozen=True, kw_only=True):
    """An ops issue, at ``version`` of its stream and ``position`` of the log."""

    key: str
    status: Status
    resolution: Resolution | None
    duplicate_of: str | None
    summary: str
    description: str
    severity: Severity
    board: str
    product: str
    reporter: str
    assignee: str | None
    source_case: SourceCase | None
    teams: tuple[TeamView, ...]
    labels: tuple[str, ...]
    institutions: tuple[Institution, ...]
    links: tuple[LinkView, ...]
    awaiting: AwaitedView | None
    opened_at: datetime
    acknowledged_at: datetime | None
    status_since: datetime
    comments: int
    clocks: Mapping[str, Any]
    version: int
    position: int


def view(issue: OpsIssue, version: int, position: int) -> IssueView:
    """The issue as it is at this version, whose event stands at this position."""
    stage = issue.stage
    closed = stage if isinstance(stage, Closed) else None
    return IssueView(
        key=issue.key,
        status=issue.status,
        resolution=None if closed is None else closed.resolution,
        duplicate_of=None if closed is None else closed.duplicate_of,
        summary=issue.summary,
        description=issue.description,
        severity=issue.severity,
        board=issue.board,
        product=issue.product,
        reporter=issue.reporter,
        assignee=issue.assignee,
        source_case=issue.source_case,
        teams=tuple(_team(facet) for facet in issue.facets if facet.assigned),
        labels=issue.labels,
        institutions=issue.institutions,
        links=tuple(_links(issue)),
        awaiting=_awaited(stage) if isinstance(stage, WaitingOnInfo) else None,
        opened_at=issue.opened_at,
        acknowledged_at=issue.acknowledged_at,
        status_since=stage.since,
        comments=issue.comments,
        clocks={},
        version=version,
        position=position,
    )


def _team(facet: Facet) -> TeamView:
    state = facet.state
    assert state != "rejected"
    assert state != "none"  # only teams of Team(s) are shown, and each of them has a state
    return TeamView(team=facet.team, state=state, since=facet.since, issue=facet.issue)


def _links(issue: OpsIssue) -> Iterator[LinkView]:
    for facet in issue.facets:
        if facet.issue is not None:
            yield LinkView(
                kind="tracks", to=facet.issue, team=facet.team, status=facet.issue_status
            )
    theirs = {facet.issue for facet in issue.facets}
    for link in issue.links:
        if link.kind != "tracks" or link.to not in theirs:
            yield LinkView(kind=link.kind, to=link.to)


def _awaited(stage: WaitingOnInfo) -> AwaitedView:
    return AwaitedView(
        awaited_from=stage.awaited_from,
        comment=stage.comment,
        case_number=stage.case_number,
        answered_at=stage.answered_at,
    )


def history(rows: Iterable[Row], codec: Codec) -> Iterator[HistoryEntry]:
    """The history that the rows of one issue's stream tell, from the first one on, in order."""
    state: State = UNOPENED
    for row in rows:
        recorded = codec.decode(row.type, row.entry)
        became = outcome(state, recorded)
        state = evolve(state, recorded)
        yield history_entry(
            row,
            status_after=state.status if isinstance(state, OpsIssue) else None,
            outcome=became.verdict,
            rule=became.rule,
        )
