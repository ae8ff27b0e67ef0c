"""What each event leaves of one team's side of an issue, and of the status, whole and timed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from services.ops_issues.domain import events
from services.ops_issues.domain.facets import Facet
from services.ops_issues.domain.ops_issue import New
from shared.events import eng, ops
from shared.events.envelope import Body
from tests.kit.recording import FIRST_DAY
from tests.unit.ops_issues.desk import (
    CLOSED,
    OWNED,
    REOPENED,
    asked,
    assigned,
    claimed,
    finished,
    issue,
    progressed,
    rejected,
    returned,
    unassigned,
)


def heard(count: int) -> datetime:
    """When Engineering said its event of that number."""
    return FIRST_DAY + timedelta(minutes=count)


def said(count: int) -> datetime:
    """The same for Operations, whose first event opened the issue."""
    return FIRST_DAY + timedelta(minutes=count + 1)


CHASED = ops.UpdateRequested(team="MOB", phase=2)
CLAIMED = Facet(
    team="MOB", since=heard(1), assigned=True, claim="open", ever_claimed=True, issue="MOB-3"
)
ASKED = replace(CLAIMED, since=heard(2), asking=True)
OVER = Facet(team="MOB", since=said(1), ever_claimed=True, issue="MOB-3")


@pytest.mark.parametrize(
    ("story", "left"),
    [
        ([assigned("MOB")], Facet(team="MOB", since=said(1), assigned=True)),
        ([claimed("MOB")], CLAIMED),
        ([claimed("MOB"), CHASED], replace(CLAIMED, phase=2, asked_at=said(1))),
        ([claimed("MOB"), CHASED, progressed("MOB")], replace(CLAIMED, issue_status="In Progress")),
        ([claimed("MOB"), asked("MOB")], ASKED),
        ([claimed("MOB"), progressed("MOB"), asked("MOB")], replace(ASKED, since=heard(3))),
        ([assigned("MOB"), rejected("MOB")], Facet(team="MOB", since=heard(1), rejected=True)),
        (
            [assigned("MOB"), rejected("MOB"), claimed("MOB")],
            replace(CLAIMED, since=heard(2)),
        ),
        (
            [claimed("MOB"), progressed("MOB"), claimed("MOB", "MOB-4")],
            replace(CLAIMED, issue="MOB-4"),
        ),
        (
            [claimed("MOB"), progressed("MOB"), finished("MOB")],
            replace(CLAIMED, since=heard(3), claim="done"),
        ),
        (
            [claimed("MOB"), asked("MOB"), rejected("MOB")],
            replace(OVER, since=heard(3), rejected=True),
        ),
        ([claimed("MOB"), CHASED, unassigned("MOB")], replace(OVER, since=said(2))),
        ([claimed("MOB"), asked("MOB"), unassigned("MOB")], OVER),
        ([claimed("MOB"), asked("MOB"), returned("MOB")], replace(CLAIMED, since=said(1))),
        ([claimed("MOB"), finished("MOB"), returned("MOB")], replace(CLAIMED, since=said(1))),
        (
            [claimed("MOB"), progressed("MOB"), eng.Unlinked(team="MOB", issue="MOB-3")],
            replace(CLAIMED, issue=None),
        ),
    ],
)
def test_a_team_s_side_is_what_was_last_said_of_it(story: list[Body], left: Facet) -> None:
    assert issue(*story).facet("MOB") == left


def test_a_question_names_the_issue_that_it_is_about_or_keeps_the_one_that_was_linked() -> None:
    other = replace(asked("MOB"), issue="MOB-9")

    assert [issue(claimed("MOB"), ask).facet("MOB") for ask in (asked("MOB"), other)] == [
        ASKED,
        replace(ASKED, issue="MOB-9"),
    ]


@pytest.mark.parametrize(
    ("story", "since"),
    [
        ([claimed("MOB")], heard(1)),
        ([claimed("MOB"), asked("MOB")], heard(2)),
        ([claimed("MOB"), rejected("MOB")], heard(2)),
        ([claimed("MOB"), finished("MOB")], heard(2)),
        ([claimed("MOB"), asked("MOB"), returned("MOB")], said(1)),
        ([OWNED, returned("MOB")], said(2)),
        ([CLOSED, REOPENED], said(2)),
        ([claimed("MOB"), claimed("WEB"), asked("MOB"), unassigned("MOB")], heard(3)),
    ],
)
def test_a_status_holds_since_what_brought_it_about(story: list[Body], since: datetime) -> None:
    assert issue(*story).stage.since == since


def test_a_return_to_several_teams_goes_by_whether_any_of_them_ever_claimed() -> None:
    words = returned("NEW", "MOB", "WEB")

    claimed_first = issue(claimed("MOB"), assigned("WEB"), words)
    never = issue(assigned("MOB"), assigned("WEB"), words)

    assert claimed_first.status == "Engineering Ownership"
    assert never.status == "New"
    for after in (claimed_first, never):
        stage = after.stage
        assert isinstance(stage, New) or after is claimed_first
        told = getattr(stage, "returned", None)
        assert told is not None
        assert (told.teams, told.answer) == (("NEW", "MOB", "WEB"), words.answer)


def test_comments_of_both_services_are_counted() -> None:
    of_ops = ops.Commented(comment="Any news?", visibility="internal", mentions=())
    of_eng = eng.Commented(team="MOB", comment="Soon.", visibility="internal")

    assert issue(of_ops, of_eng, of_eng).comments == 3


def test_a_label_is_kept_once() -> None:
    label = events.LabelAdded(label="urgent")

    assert issue(label, label).labels == ("urgent",)
