"""Reading Operations' issues over HTTP."""

from __future__ import annotations

from typing import Annotated

from litestar import Response
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter

from services.ops_issues.domain.ops_issue import OpsIssue
from services.ops_issues.edges.desk import Desk
from services.ops_issues.projections.represent import IssueView, history, view
from shared.eventlog.log import EventLog
from shared.hosting.as_of import AsOf, position_as_of
from shared.hosting.histories import HistoryEntry
from shared.hosting.log_model import OfTheLog
from shared.hosting.paging import Page
from shared.hosting.preconditions import etag
from shared.hosting.principal import READS
from shared.hosting.problems import ProblemRaised, not_found
from shared.hosting.reads import read

Key = Annotated[str, PathParameter(description="An ops issue's key.")]


def routes(log: EventLog, desk: Desk) -> list[HTTPRouteHandler]:
    """``/issues/{key}`` and its history: folded from the log itself, so never behind it."""
    model = OfTheLog(log)

    @read(
        "/issues/{key:str}",
        name="issue",
        summary="An issue, now or as of a past moment",
        access=READS,
        model=model,
        etag=True,
    )
    async def issue(key: Key, as_of: AsOf = None) -> Response[IssueView]:
        position = await position_as_of(as_of, log.store)
        found = await (desk.issues.load(key) if position is None else desk.as_of(key, position))
        if not isinstance(found.state, OpsIssue):
            raise ProblemRaised(not_found(f"there is no issue {key}"))
        shown = view(found.state, found.version, found.position)
        return Response(shown, headers={"ETag": etag(found.version)})

    @read(
        "/issues/{key:str}/history",
        name="issue-history",
        summary="Everything that happened, of both services, in the order of the log",
        access=READS,
        model=model,
    )
    async def issue_history(key: Key, as_of: AsOf = None) -> Page[HistoryEntry]:
        position = await position_as_of(as_of, log.store)
        rows = await log.store.read_streams((key,), upto=position)
        entries = list(history(rows, log.codec))
        if not any(entry.type == "opened" for entry in entries[:1]):
            raise ProblemRaised(not_found(f"there is no issue {key}"))
        return Page(entries, None)

    return [issue, issue_history]
