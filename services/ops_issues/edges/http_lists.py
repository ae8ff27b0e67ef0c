"""Lists, searches and queues of Operations' issues over HTTP, from the read model."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from msgspec import structs

from services.ops_issues.projections.filters import QUEUES, TEAM_QUEUE, Filter, parse_queue
from services.ops_issues.projections.issue_queries import (
    Past,
    QueueCount,
    count_queues,
    page,
    page_as_of,
)
from services.ops_issues.projections.represent import IssueView
from shared.eventlog.log import EventLog
from shared.eventlog.projector import Projector
from shared.events.vocabulary import Severity, Status
from shared.hosting.as_of import AsOf, position_as_of
from shared.hosting.paging import LIMIT_DEFAULT, Cursors, CursorText, Limit, Page
from shared.hosting.principal import READS
from shared.hosting.problems import ProblemRaised, wrong_field
from shared.hosting.reads import read

QUERY_CHARACTERS_MAX = 1_000

Words = Annotated[
    str | None,
    QueryParameter(
        name="q",
        required=False,
        max_length=QUERY_CHARACTERS_MAX,
        description='Words in summary, description or a comment; `or`, `-not`, "in quotes".',
    ),
]
Team = Annotated[str | None, QueryParameter(required=False, description="In Team(s).")]
QueueText = Annotated[
    str | None,
    QueryParameter(
        name="queue",
        required=False,
        pattern=f"^({'|'.join(QUEUES)}|{TEAM_QUEUE})$",
        description="A queue's name, as /queues has it.",
    ),
]
Case = Annotated[
    str | None, QueryParameter(required=False, description="The source case: <system>:<number>.")
]


def routes(log: EventLog, models: Projector) -> list[HTTPRouteHandler]:
    """``/issues`` and ``/queues``."""
    cursors: Cursors[int] = Cursors("issues", int)

    @read(
        "/issues",
        name="issues",
        summary="Issues in the order of their numbers; every given filter must hold",
        access=READS,
        model=models,
    )
    async def issues(
        request: Request[Any, Any, Any],
        status: Status | None = None,
        team: Team = None,
        queue: QueueText = None,
        severity: Severity | None = None,
        assignee: str | None = None,
        source_case: Case = None,
        q: Words = None,
        as_of: AsOf = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: CursorText = None,
    ) -> Page[IssueView]:
        wanted = Filter(
            status=status,
            team=team,
            severity=severity,
            assignee=assignee,
            source_case=source_case,
            q=q,
            me=request.user.name,
        )
        if queue is not None:
            named = parse_queue(queue)
            if named is None:
                raise ProblemRaised(wrong_field("queue", "must be a queue that /queues names"))
            wanted = structs.replace(wanted, queue=named)
        position = await position_as_of(as_of, log.store)
        bound = {**structs.asdict(wanted), "queue": queue, "as_of": as_of}
        after = cursors.read(cursor, bound) or 0
        async with models.reading() as connection:
            if position is None:
                found = await page(connection, wanted, after, limit)
            else:
                past = Past(position, log.store.read_streams, log.codec)
                found = await page_as_of(connection, wanted, after, limit, past)
        following = found.next_number
        return Page(found.items, None if following is None else cursors.write(following, bound))

    @read(
        "/queues",
        name="queues",
        summary="How many issues are in each queue",
        access=READS,
        model=models,
    )
    async def queues(request: Request[Any, Any, Any]) -> Page[QueueCount]:
        async with models.reading() as connection:
            return Page(await count_queues(connection, request.user.name), None)

    return [issues, queues]
