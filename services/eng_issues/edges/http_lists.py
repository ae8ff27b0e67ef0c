"""Engineering issues, teams and their queues over HTTP, from the read model."""

from __future__ import annotations

from typing import Annotated

from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter, QueryParameter

from services.eng_issues.edges.board import Board
from services.eng_issues.edges.represent import IssueView, TeamView, issue_view, team_view
from services.eng_issues.projections import board_queries
from services.eng_issues.projections.board_queries import QueueKey, QueueRow
from shared.eventlog.projector import Projector
from shared.hosting.paging import LIMIT_DEFAULT, Cursors, CursorText, Limit, Page
from shared.hosting.principal import READS_BOTH
from shared.hosting.problems import ProblemRaised, not_found
from shared.hosting.reads import read

OpsIssue = Annotated[
    str | None, QueryParameter(required=False, description="Issues that serve this ops issue.")
]
TeamKey = Annotated[str, PathParameter(description="A team's key.")]


def routes(board: Board, models: Projector) -> list[HTTPRouteHandler]:
    """``/issues``, ``/teams`` and ``/teams/{team}/queue``."""
    return [_issues(board, models), _teams(models), _queue(models)]


def _issues(board: Board, models: Projector) -> HTTPRouteHandler:
    cursors: Cursors[int] = Cursors("issues", int)

    @read(
        "/issues",
        name="issues",
        summary="Engineering issues, oldest first; every given filter must hold",
        access=READS_BOTH,
        model=models,
    )
    async def issues(
        team: str | None = None,
        status: str | None = None,
        ops_issue: OpsIssue = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: CursorText = None,
    ) -> Page[IssueView]:
        bound = {"team": team, "status": status, "ops_issue": ops_issue}
        after = cursors.read(cursor, bound) or 0
        async with models.reading() as connection:
            found = await board_queries.issues(connection, after, limit + 1, **bound)
        cases = await board.cases({key for each in found for key in each.issue.ops_issues})
        shown = [issue_view(each.issue, each.version, each.position, cases) for each in found]
        return cursors.page(shown, [each.begun for each in found], limit, bound)

    return issues


def _teams(models: Projector) -> HTTPRouteHandler:
    cursors: Cursors[str] = Cursors("teams", str)

    @read(
        "/teams",
        name="teams",
        summary="Every team and its workflow, by key",
        access=READS_BOTH,
        model=models,
    )
    async def teams(limit: Limit = LIMIT_DEFAULT, cursor: CursorText = None) -> Page[TeamView]:
        after = cursors.read(cursor, {}) or ""
        async with models.reading() as connection:
            found = await board_queries.teams(connection, after, limit + 1)
        shown = [team_view(each.team, each.version, each.position) for each in found]
        return cursors.page(shown, [each.team.key for each in found], limit, {})

    return teams


def _queue(models: Projector) -> HTTPRouteHandler:
    cursors: Cursors[QueueKey] = Cursors("queue", QueueKey)

    @read(
        "/teams/{team:str}/queue",
        name="team-queue",
        summary="Customer Support tickets - [Team]: what it is asked to look at, then what it owns",
        access=READS_BOTH,
        model=models,
    )
    async def queue(
        team: TeamKey, limit: Limit = LIMIT_DEFAULT, cursor: CursorText = None
    ) -> Page[QueueRow]:
        bound = {"team": team}
        after = cursors.read(cursor, bound)
        async with models.reading() as connection:
            if not await board_queries.has_team(connection, team):
                raise ProblemRaised(not_found(f"there is no team {team}"))
            found = await board_queries.queue(connection, team, after, limit + 1)
        rows, keys = [row for _, row in found], [key for key, _ in found]
        return cursors.page(rows, keys, limit, bound)

    return queue
