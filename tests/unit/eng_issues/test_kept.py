"""What an engineering issue and a case keep of what was said: whole, by whom and since when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from services.eng_issues.domain.case import Case, receive
from services.eng_issues.domain.events import (
    IssueAmended,
    IssueCommented,
    IssueCreated,
    IssueLinked,
    IssueMoved,
    IssueUnlinked,
    TeamDropped,
)
from services.eng_issues.domain.issue import Comment, Issue
from services.eng_issues.domain.states import NOTHING, State, evolve
from shared.events import eng, ops
from shared.events.envelope import Body
from shared.events.vocabulary import SourceCase
from tests.kit.recording import FIRST_DAY, Recorder

CREATED = IssueCreated(
    team="MOB", summary="Slow", description="Since nine.", severity="2 - High", status="To Do"
)


def minute(count: int) -> datetime:
    return FIRST_DAY + timedelta(minutes=count)


def issue(*said: Body) -> Issue:
    recorder, state = Recorder(eng.SOURCE), NOTHING
    folded: State = state
    for body in (CREATED, *said):
        folded = evolve(folded, recorder.record("MOB-3", body, actor="person:bo"))
    assert isinstance(folded, Issue)
    return folded


def test_an_issue_has_its_status_since_it_was_moved_there() -> None:
    moved = IssueMoved(from_status="To Do", to_status="Done", origin="hand", resolution="Fixed")

    after = issue(moved)

    assert (after.status, after.status_since, after.resolution) == ("Done", minute(2), "Fixed")


def test_an_issue_is_of_the_ops_issues_it_was_linked_to_and_not_unlinked_from() -> None:
    linked = [IssueLinked(ops_issue=f"OPS-{number}") for number in (1, 2, 3, 2)]

    after = issue(*linked, IssueUnlinked(ops_issue="OPS-2"))

    assert after.ops_issues == ("OPS-1", "OPS-3")


def test_an_amendment_changes_what_it_says_and_nothing_else() -> None:
    assert issue(IssueAmended(ops_issue="OPS-1", severity="4 - Low")) == issue_with("4 - Low")
    assert issue(IssueAmended(ops_issue="OPS-1")) == issue()


def issue_with(severity: Any) -> Issue:
    after = issue(IssueAmended(ops_issue="OPS-1", summary="Slow", severity=severity))
    assert (after.summary, after.description) == (CREATED.summary, CREATED.description)
    assert after.severity == severity
    return after


def test_comments_and_what_operations_said_on_dropping_the_team_are_kept_in_order() -> None:
    said = IssueCommented(
        comment="Found it.", visibility="public", captured_from="chat", ops_issue="OPS-1"
    )

    after = issue(
        said, TeamDropped(ops_issue="OPS-2", comment="Solved."), TeamDropped(ops_issue="X")
    )

    by = "person:bo"
    assert after.comments == (
        Comment(
            at=minute(2),
            actor=by,
            comment="Found it.",
            visibility="public",
            captured_from="chat",
            ops_issue="OPS-1",
        ),
        Comment(
            at=minute(3), actor=by, comment="Solved.", visibility="internal", ops_issue="OPS-2"
        ),
    )


def test_a_case_is_as_operations_opened_it_and_in_its_status_since_that_was_stated() -> None:
    recorder = Recorder(ops.SOURCE)
    opened = ops.Opened(
        summary="Deposits fail",
        description="Since nine.",
        severity="1 - Critical",
        board="Support",
        product="Mobile",
        reporter="tess",
        source_case=SourceCase(system="crm", number="7"),
        institutions=(),
    )

    case, _ = receive(Case(key="OPS-1"), recorder.record("OPS-1", opened))

    assert case == Case(
        key="OPS-1",
        opened_at=minute(1),
        status_since=minute(1),
        summary=opened.summary,
        description=opened.description,
        severity=opened.severity,
        board=opened.board,
        product=opened.product,
        reporter=opened.reporter,
        source_case=opened.source_case,
        crossing=case.crossing,
    )
