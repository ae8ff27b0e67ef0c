"""Reading Engineering's issues, cases and teams over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from litestar import Response
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter

from services.eng_issues.domain.case import Case, receive
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.states import NOTHING, State, evolve
from services.eng_issues.edges.board import Board
from services.eng_issues.edges.represent import IssueView, issue_view
from shared.eventlog.log import EventLog
from shared.eventlog.model import Row
from shared.events.codec import Codec
from shared.hosting.as_of import AsOf, position_as_of
from shared.hosting.histories import HistoryEntry, history_entry
from shared.hosting.log_model import OfTheLog
from shared.hosting.paging import Page
from shared.hosting.preconditions import etag
from shared.hosting.principal import READS_BOTH
from shared.hosting.problems import ProblemRaised, not_found
from shared.hosting.reads import read

Key = Annotated[str, PathParameter(description="An engineering issue's key, or an ops issue's.")]


def routes(log: EventLog, board: Board) -> list[HTTPRouteHandler]:
    """``/issues/{key}`` and histories: folded from the log itself, so never behind it."""
    model = OfTheLog(log)

    @read(
        "/issues/{key:str}",
        name="issue",
        summary="An engineering issue, now or as of a past moment",
        access=READS_BOTH,
        model=model,
        etag=True,
    )
    async def issue(key: Key, as_of: AsOf = None) -> Response[IssueView]:
        position = await position_as_of(as_of, log.store)
        states = board.states
        found = await (states.load(key) if position is None else states.as_of(key, position))
        if not isinstance(found.state, Issue):
            raise ProblemRaised(not_found(f"there is no engineering issue {key}"))
        cases = await board.cases(found.state.ops_issues, position)
        shown = issue_view(found.state, found.version, found.position, cases)
        return Response(shown, headers={"ETag": etag(found.version)})

    @read(
        "/issues/{key:str}/history",
        name="issue-history",
        summary="What Engineering's log holds of an engineering issue, or of an ops issue",
        access=READS_BOTH,
        model=model,
    )
    async def issue_history(key: Key, as_of: AsOf = None) -> Page[HistoryEntry]:
        position = await position_as_of(as_of, log.store)
        rows = await log.store.read_streams((key,), upto=position)
        if not rows:
            raise ProblemRaised(not_found(f"there is no issue {key}"))
        return Page(list(history(rows, log.codec)), None)

    return [issue, issue_history]


def history(rows: Sequence[Row], codec: Codec) -> Iterator[HistoryEntry]:
    """The history that the rows of one stream tell, from the first one on."""
    state: State = NOTHING
    for row in rows:
        event = codec.decode(row.type, row.entry)
        before = state if isinstance(state, Case) else Case(key=row.stream)
        outcome = receive(before, event)[1]
        state = evolve(state, event)
        yield history_entry(
            row,
            status_after=state.status if isinstance(state, Case | Issue) else None,
            outcome=outcome.kind,
            rule=outcome.rule,
        )
